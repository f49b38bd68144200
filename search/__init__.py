"""From evidence to the next genome: campaigns, samplers, the driver, the store, the mirror."""
