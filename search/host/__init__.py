"""The machine and its folders: home, processes, ports, our programs."""
