"""The benchmark of JAX's device, on the CPU."""

import json

import pytest

from tests.command_line import start


@pytest.mark.slow
def test_the_device_computes_what_xla_counts(tmp_path):
    file = tmp_path / "device.json"
    result = start("experiments.benchmark", "--section=device", f"--json={file}")
    assert result.code == 0, result.stderr
    rows = {row["what"]: row for row in json.loads(file.read_text())["device"]}
    assert "copy, cpu" in rows
    for precision in ("float32", "mixed_bfloat16"):
        assert rows[f"matmul, {precision}"]["GFLOP/s"] > 0
        forward, step = (
            rows[f"{mode}, batch 1, {precision}"] for mode in ("forward", "step")
        )
        operations = [row["GFLOP/s"] * row["ms"] for row in (forward, step)]
        # Both views' and colours' gradients: about twice a pass, and the pass itself.
        assert 2 < operations[1] / operations[0] < 5
        assert 0 < forward["GB"] and 0 < step["GB"] < 1
