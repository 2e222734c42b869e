"""The error for input and settings that cannot be used."""


class InputError(ValueError):
    """Something the user gave cannot be used.

    The message is one line that says what was expected and, after "Received:", what
    came. Command-line programs print it and exit with status 1 (`tfrecords_tools.app`);
    any other exception is a defect of the program and keeps its traceback.

    Args:
        message: what a library says in it on several lines is put on one.
    """

    def __init__(self, message: str):
        lines = map(str.strip, message.splitlines())
        super().__init__(" ".join(filter(None, lines)))


class NonFiniteError(InputError):
    """A loss or a gradient stopped being a number."""


class Interrupted(Exception):
    """A signal stopped long work, which lost nothing.

    Attributes:
        signum: the signal's number.
    """

    def __init__(self, signum: int, message: str):
        super().__init__(message)
        self.signum = signum


def require_tensorflow(purpose: str) -> None:
    """Raises InputError where Keras runs on another backend than TensorFlow.

    Args:
        purpose: what needs it, as in "to read records".
    """
    import keras  # Here, since those who only raise errors need no framework.

    if keras.backend.backend() != "tensorflow":
        raise InputError(
            f"expected KERAS_BACKEND=tensorflow {purpose}. "
            f"Received: {keras.backend.backend()}"
        )
