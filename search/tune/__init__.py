"""All that touches Ray: clusters, the loop, early stopping, lost workers, shares of a machine."""
