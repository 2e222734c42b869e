"""A browser without a window, where there is one."""

import os
import pathlib
import shutil
import subprocess

_NAMES = "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"
BROWSER = next(filter(None, map(shutil.which, _NAMES)), None)


def document(path: pathlib.Path, fragment: str = "", script: str = "") -> str:
    """The document of a page after its scripts have run, as HTML.

    Args:
        path: of the page.
        fragment: what follows `#` in the address.
        script: JavaScript that runs when the page dispatches `ready`.
    """
    page = path.with_name(f"{path.stem}_opened.html")
    listener = f"<script>addEventListener('ready', () => {{{script}}})</script>"
    page.write_text(path.read_text(encoding="utf-8") + listener, encoding="utf-8")
    command = [
        BROWSER,
        "--headless=new",
        "--disable-gpu",
        "--no-sandbox",  # Root has none.
        f"--user-data-dir={path.with_name('browser')}",
        "--window-size=1200,1000",
        # Milliseconds of its clock, which runs ahead while nothing happens.
        "--virtual-time-budget=60000",
        "--dump-dom",
        f"{page.as_uri()}#{fragment}",
    ]
    # No session bus, which the browser would look for.
    environment = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": "disabled:"}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
