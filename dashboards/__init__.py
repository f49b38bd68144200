"""From the store to frames, figures and the report page."""
