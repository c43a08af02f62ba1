"""Sets up a real house, speaks to it and takes the pictures of the documentation."""

import asyncio
import json
from pathlib import Path
import tempfile

from .demo import Demo, say
from .house import House
from .processes import ROOT, python_of


async def main() -> None:
    """Take all pictures."""
    folder = Path(tempfile.mkdtemp(prefix="private-voice-"))
    house = House(folder, say)
    try:
        await house.start()
        demo = Demo(house)
        for words in ("Turn on the kitchen light.", "Is the kitchen light on?"):
            await demo.speak(house.kitchen, "heart", "Hey Jarvis.", words)
        registry = await house.home.ask("config/entity_registry/list")
        event = next(
            e
            for e in registry
            if e["entity_id"].startswith("event.kitchen") and e["platform"]
        )
        await house.home.call(
            "input_boolean", "turn_on", entity_id="input_boolean.kitchen_slider"
        )
        await asyncio.sleep(6)
        order = {
            "url": house.home.url,
            "tokens": house.home.tokens,
            "folder": str(ROOT / "docs/images"),
            "pictures": {
                "integration": "/config/integrations/integration/private_voice",
                "add-room": "/config/integrations/integration/private_voice",
                "room": f"/config/devices/device/{event['device_id']}",
                "hardware-mute": "/config/integrations/integration/private_voice",
                "history": f"/logbook?entity_id={event['entity_id']}",
            },
            "steps": {
                "add-room": [("text", "Add room")],
                "hardware-mute": [
                    ("label", "Change room"),
                    ("text", "Hardware mute and microphone power"),
                    ("text", "Select an entity"),
                    ("type", "slider"),
                    ("item", "Kitchen mute slider"),
                    ("text", "Submit"),
                ],
            },
        }
        camera = await asyncio.create_subprocess_exec(
            *(python_of("browser"), str(ROOT / "scripts/rig/camera.py")),
            stdin=asyncio.subprocess.PIPE,
        )
        await camera.communicate(json.dumps(order).encode())
        if camera.returncode:
            raise SystemExit(camera.returncode)
    finally:
        await house.stop()


if __name__ == "__main__":
    asyncio.run(main())
