"""How many answers a network keeps right where its images are spoilt, or made to mislead it."""
