"""A process that renders the examples of some scenes and pickles them to its output.

`experiments.pretraining.stream` starts it: JSON of the configuration, this process'
number, how many there are, and the first step.
"""

import itertools
import json
import os
import pickle
import sys

from colornet.errors import InputError
from experiments.pretraining.examples import ExampleMaker, StreamConfig, scene_of


def main() -> None:
    """Writes until the reader has gone; a status other than 0 is an error."""
    config = StreamConfig.from_dict(json.loads(sys.argv[1]))
    process, processes, start_step = (int(value) for value in sys.argv[2:])
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that a library prints may come between the examples
    try:
        make = ExampleMaker(config)
        for index in itertools.count(start_step * config.batch_size):
            if scene_of(config, index)[0] % processes == process:
                pickle.dump(make(index), output)
                output.flush()
    except InputError as error:
        sys.exit(str(error))
    except BrokenPipeError:  # `sys.exit` would try to flush what nobody reads
        os._exit(0)


if __name__ == "__main__":
    main()
