"""How running is judged: by the distance covered along +x until it falls or the time is up."""

from torch import Tensor


def fitness(pelvis_position: Tensor) -> Tensor:
    """Distance covered along +x so far, in m; the last step's value is the episode's fitness."""
    return pelvis_position[:, 0]


def success(pelvis_position: Tensor, head_height: Tensor) -> Tensor:
    """Up at the last step, and at least 20 m from the start: 2 m/s, where legs of this length begin to run."""
    return (pelvis_position[:, 0] >= 20.0) & (head_height >= 1.0)


def terminated(head_height: Tensor) -> Tensor:
    """Down or bent double: the head is 0.4 m lower than when it stands."""
    return head_height < 1.0
