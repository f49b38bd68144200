"""What a campaign will take, said before it starts: trials, epochs, time, with a range.

The time of an epoch is modelled by what the plan of a network's unroll leaves to be computed: so
many seconds an operation and so many a multiply-add. The two numbers are measured on this machine
by training a few networks of the space for some seconds, in as many processes as the campaign
will have trials at once (`workers.calibration`; the driver loads no torch), and kept. Networks
drawn from the space, and trainings that the scheduler stops early, make the range.

It is a forecast for networks drawn at random: a sampler that learns may come to prefer slower or
faster ones.
"""

from search.forecast.calibration import Calibration, calibrate
from search.forecast.networks import NetworkWork
from search.forecast.simulation import Estimate, Range, Trainings, estimate, forecast

__all__ = [
    "Calibration",
    "Estimate",
    "NetworkWork",
    "Range",
    "Trainings",
    "calibrate",
    "estimate",
    "forecast",
]
