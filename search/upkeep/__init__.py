"""What is done about a campaign after or between its runs."""
