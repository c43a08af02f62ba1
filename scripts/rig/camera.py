"""Takes pictures of Home Assistant in a real Chromium, logged in as the demo's user."""

import json
from pathlib import Path
import shutil
import sys
import time
from typing import Any

from playwright.sync_api import Page, sync_playwright

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def log_in(page: Page, url: str, tokens: dict[str, Any]) -> None:
    """Give the browser the login."""
    kept = tokens | {
        "hassUrl": url,
        "clientId": f"{url}/",
        "expires": int(time.time() * 1000) + 1_500_000,
    }
    page.add_init_script(
        f"localStorage.setItem('hassTokens', {json.dumps(json.dumps(kept))})"
    )


def take(page: Page, how: str, what: str) -> None:
    """Take one step of a person: click on something, or type."""
    if how == "type":
        page.keyboard.type(what, delay=30)
    elif how == "label":
        page.get_by_label(what).first.click()
    elif how == "item":
        page.locator("ha-combo-box-item", has_text=what).first.click()
    else:
        page.get_by_text(what, exact=True).first.click()
    page.wait_for_timeout(2500)


def main() -> None:
    """Take the pictures that standard input asks for: paths by name."""
    order = json.load(sys.stdin)
    out = Path(order["folder"])
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1200, "height": 850})
        log_in(page, order["url"], order["tokens"])
        for name, path in order["pictures"].items():
            page.goto(order["url"] + path)
            page.wait_for_load_state("networkidle")
            page.wait_for_timeout(4000)
            for how, what in order["steps"].get(name, ()):
                take(page, how, what)
            page.screenshot(path=str(out / f"{name}.png"))
        browser.close()


if __name__ == "__main__":
    main()
