"""All that touches Ray: clusters, the loop, early stopping, lost workers, shares of a machine."""

from search.host.libraries import check_library

# Its modules import names that another version of Ray may not have.
check_library("ray")
