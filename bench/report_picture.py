"""The picture of the report in the README, docs/report.png.

In: a report page. Out: its upper part as a PNG of at most 256 colours. Run by hand.

    PYTHONPATH=. python bench/report_picture.py report/index.html docs/report.png
"""

from __future__ import annotations

import argparse
import io
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

WIDTH, HEIGHT = 1180, 1080


def main() -> None:
    """Take the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path, help="report/index.html of a run")
    parser.add_argument("out", type=Path, help="the PNG")
    parser.add_argument("--height", type=int, default=HEIGHT, help="of the part that is shown, in pixels")
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="default: the first in PATH")
    options = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": WIDTH, "height": options.height}, color_scheme="light")
        tab.goto(options.page.resolve().as_uri())
        tab.wait_for_selector("#samples-list li")
        picture = Image.open(io.BytesIO(tab.screenshot()))
    picture.convert("RGB").quantize(256).save(options.out, optimize=True)


if __name__ == "__main__":
    main()
