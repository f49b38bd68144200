"""The greatest sizes of what may be written: far above every network and campaign that is trained,
and so low that reading, counting, identifying and forecasting one takes a second or two.

What exceeds one is refused before anything is worked out from it, by an error that names the
bound. The least values (one step, two classes) stand with the fields themselves.
"""

# Documents, whatever they mean.
FILE_BYTES = 4_000_000  # of a YAML or JSON file; the largest named space has 20,000
NODES = 20_000  # values, lists and mappings, aliases and ties followed; a named space has 1,500
RECORD = 5_000_000  # values of a file that Ventral wrote itself: an index, a manifest
LEVELS = 100  # of lists and mappings inside one another; a named space has 20
WHOLE = 2**63 - 1  # of whole numbers, either sign: what stores and tables hold
DIGITS = 100  # of a number as it is written

# Choices.
OPTIONS = 1_000  # of one choice: ranges of numbers are written as intervals
CHOICES = 1_000  # of a space; a named space has 170
TIES = 1_000  # of a space; a named space has 20
THROUGH = 16  # ties that one tie leads through
WEIGHT = 1e30  # of an option, and the ends of an interval of numbers, either sign
SPAN = 2**53  # ends of an interval of whole numbers, either sign: floats are exact up to there
WORDS = 10_000  # of a line of the notation, words of `let` followed; a named space has 100
OPTIONAL_STATES = 9  # of a cell in the notation: each doubles the cells that are written out
DISTINCT_DIGITS = 4_000  # of the number of samples of a space: as Python prints it
CONTROLS = 64  # of a space
NAME = 200  # letters of a name that the user gives

# Networks. The published ones have up to 17 stages, 30 steps and 3 states.
PIXELS = 4_096  # side of an image
CHANNELS = 65_536  # of images, widths, depths, groups, and units of a decoder's layer
CLASSES = 1_000_000
KERNEL = 1_024  # side of kernels, of pools, and of their strides
STEPS = 1_000  # of the clock; a step is 10 ms in the published models
STAGES = 256
CELLS = 256
FEEDBACK = 1_024  # long-range edges that are written, there or not
STATES = 32  # of a cell
GATES = 64  # of a cell, those that its states share
EDGES = 64  # of a drive; a cell of the motif space has 20 in all
TERMS = 64  # of a gate
SOURCES = 64  # of a term
CELL_TERMS = 256  # of a cell in all, those of its gates included
LAYERS = 16  # of a decoder, and its windows
PARTS = 1_024  # equal slices of a kernel with one initial scale; an LSTM has 4
UNROLLED = 100_000  # terms and convolutions of all stages over all steps; the published: 1,000

# Campaigns.
EPOCHS = 20_000  # of a training; a published one has 100
BATCH = 1_000_000  # images
TRIALS = 1_000_000
SEEDS = 1_000  # of every control
SECONDS = 10**9  # 30 years
DEVICE_HOURS = 10**9
TOTAL_EPOCHS = 10**12  # of all trainings together
QUANTITY = 10**18  # parameters or multiply-adds that a limit allows
CORES = 100_000  # of a trial, and its GPUs; the least part of one, so that places stay few:
LEAST_CORES = 0.001
CONCURRENT = 100_000
RETRIES = 1_000
BRACKETS = 64  # of the scheduler
VERSIONS = 1_000  # of a sampler
REDUCTION = 1_000.0  # one in so many goes on; the least, so that rungs stay few:
LEAST_REDUCTION = 1.1
DEVIATIONS = 1e6
SAMPLED = 10_000  # candidates, parents, members of a population and the like, of samplers
GROUND = 10_000  # pixels of an image before it is cropped
THREADS = 1_024
ACCUMULATED = 1_024  # parts of a batch
FIDELITIES = 64  # cheaper parts of one training
COPIES = 1_000  # of each training image
IMAGE_CHANNELS = 64  # of the images of a data set
IMAGES = 10**9  # of a split
