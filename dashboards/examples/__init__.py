"""Campaigns that come with Ventral, for dashboards/saved.py."""
