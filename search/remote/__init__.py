"""Clusters that this machine is no node of: which there are, and campaigns that run on them."""
