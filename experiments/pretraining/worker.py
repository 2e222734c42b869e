"""A process that renders the examples of some scenes and writes them to its output.

`experiments.pretraining.stream` starts it: JSON of the configuration, this process'
number, how many there are, and the first step. An example is the length of an `.npz`
archive, 8 bytes, and the archive.
"""

import io
import itertools
import json
import os
import sys

import numpy as np

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
                archive = io.BytesIO()
                np.savez(archive, **make(index))
                content = archive.getvalue()
                output.write(len(content).to_bytes(8, "little") + content)
                output.flush()
    except InputError as error:
        sys.exit(str(error))
    except BrokenPipeError:  # `sys.exit` would try to flush what nobody reads
        os._exit(0)


if __name__ == "__main__":
    main()
