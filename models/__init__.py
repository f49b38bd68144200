"""From a genome to a network: cells, the unroll, the read-out. No files and no clock."""
