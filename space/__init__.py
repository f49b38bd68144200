"""What may be searched: genomes, the cell grammar, choices, identity and cost. No torch."""
