"""A real Home Assistant with an account, as a person's browser talks to it."""

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import aiohttp

from .processes import ROOT, Process, free_port, python_of

USER = "demo"
PASSWORD = "private-voice"  # noqa: S105

_CONFIGURATION = """
homeassistant:
  name: Demo home
  time_zone: Europe/Amsterdam
  country: NL
frontend:
config:
conversation:
history:
recorder:
  commit_interval: 1
logbook:
system_health:
input_boolean:
  kitchen_light:
    name: Kitchen light relay
  kitchen_slider:
    name: Kitchen mute slider
    icon: mdi:microphone-off
template:
  - light:
      - name: Kitchen light
        unique_id: kitchen_light
        state: "{{ is_state('input_boolean.kitchen_light', 'on') }}"
        turn_on:
          - action: input_boolean.turn_on
            target: {entity_id: input_boolean.kitchen_light}
        turn_off:
          - action: input_boolean.turn_off
            target: {entity_id: input_boolean.kitchen_light}
"""


class Home:
    """Home Assistant's process, its HTTP interface and its websocket."""

    def __init__(
        self,
        folder: Path,
        configuration: str = _CONFIGURATION,
        *,
        integration: bool = True,
    ) -> None:
        """Prepare a configuration folder, with or without the integration in it."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        (folder / ".storage").mkdir(parents=True)
        (folder / "custom_components").mkdir()
        if integration:
            (folder / "custom_components/private_voice").symlink_to(
                ROOT / "custom_components/private_voice"
            )
        (folder / "configuration.yaml").write_text(configuration)
        (folder / ".storage/http").write_text(json.dumps(self._http()))
        # These steps of the onboarding would add a cloud's text-to-speech and weather.
        done = {"done": ["core_config", "analytics"]}
        onboarding = {
            "version": 4,
            "minor_version": 1,
            "key": "onboarding",
            "data": done,
        }
        (folder / ".storage/onboarding").write_text(json.dumps(onboarding))
        self.process = self._new_process()
        self._session: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._count = 0
        self._results: dict[int, asyncio.Future[Any]] = {}
        self._reader: asyncio.Task[None] | None = None
        self.events: list[dict[str, Any]] = []
        self._token = ""
        self.tokens: dict[str, Any] = {}
        """What a browser keeps of the login."""

    def _new_process(self) -> Process:
        """Return a process that is not started yet."""
        return Process(
            "Home Assistant",
            *(python_of("home"), "-m", "homeassistant", "-c", str(self.folder)),
            "--skip-pip",
            log=self.folder / "output.txt",
        )

    async def restart(self) -> None:
        """Stop Home Assistant, start it again and log in as before."""
        await self.halt()
        await self.begin()
        await self._answering()
        await self.connect()
        await self.ask("subscribe_events", event_type="private_voice_activation")

    async def halt(self) -> None:
        """Stop Home Assistant, to start it again later."""
        if self._reader is not None:
            self._reader.cancel()
        await self.process.stop()

    async def begin(self) -> None:
        """Start Home Assistant again."""
        self.process = await self._new_process().start()

    async def running(self) -> dict[str, Any]:
        """Wait until Home Assistant has started up, and return its configuration.

        Raises:
            RuntimeError: It did not in time.
        """
        try:
            async with asyncio.timeout(180):
                while True:
                    with contextlib.suppress(aiohttp.ClientError):
                        config = await self.get("/api/config")
                        if config["state"] == "RUNNING":
                            return dict(config)
                    await asyncio.sleep(0.05)
        except TimeoutError as err:
            log = self.folder / "output.txt"
            raise RuntimeError(f"Home Assistant took too long, see {log}") from err

    async def stay_logged_in(self) -> None:
        """Go on with a login that outlasts half an hour."""
        self._token = await self.ask(
            "auth/long_lived_access_token", client_name="Rig", lifespan=1
        )

    @property
    def pid(self) -> int:
        """Return the number of the process, as Home Assistant writes it down."""
        return int(json.loads((self.folder / ".ha_run.lock").read_text())["pid"])

    def _http(self) -> dict[str, Any]:
        """Return stored settings that bind to loopback and need no confirmation."""
        stable = {
            "server_host": ["127.0.0.1"],
            "server_port": self.port,
            "cors_allowed_origins": [],
            "login_attempts_threshold": -1,
            "ip_ban_enabled": True,
            "ssl_profile": "intermediate_v6",
            "use_x_frame_options": True,
            "created_at": "2026-01-01T00:00:00+00:00",
            "error": None,
            "error_message": None,
        }
        data = {"stable": stable, "pending": None, "yaml_migration_done": True}
        return {"version": 3, "minor_version": 1, "key": "http", "data": data}

    async def start(self) -> None:
        """Start, create the account and connect."""
        await self.process.start()
        self._session = aiohttp.ClientSession(self.url)
        await self._answering()
        user = {
            "client_id": f"{self.url}/",
            "name": "Demo",
            "username": USER,
            "password": PASSWORD,
            "language": "en",
        }
        code = (await self._post("/api/onboarding/users", user))["auth_code"]
        grant = {
            "client_id": f"{self.url}/",
            "grant_type": "authorization_code",
            "code": code,
        }
        async with self._session.post("/auth/token", data=grant) as response:
            self.tokens = await response.json()
        self._token = self.tokens["access_token"]
        done = {"client_id": f"{self.url}/", "redirect_uri": f"{self.url}/"}
        await self._post("/api/onboarding/integration", done)
        await self.connect()

    async def _answering(self) -> None:
        """Wait until the HTTP interface is there."""
        assert self._session is not None
        async with asyncio.timeout(180):
            while True:
                try:
                    async with self._session.get("/manifest.json") as response:
                        if response.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.3)

    async def connect(self) -> None:
        """Open the websocket."""
        assert self._session is not None
        self._socket = await self._session.ws_connect("/api/websocket")
        await self._socket.receive_json()
        await self._socket.send_json({"type": "auth", "access_token": self._token})
        await self._socket.receive_json()
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        """Take results and events."""
        assert self._socket is not None
        async for message in self._socket:
            data = message.json()
            if data["type"] == "event":
                self.events.append(data["event"])
            elif (future := self._results.pop(data.get("id", 0), None)) is not None:
                if not data.get("success", True):
                    future.set_exception(RuntimeError(str(data["error"])))
                else:
                    future.set_result(data.get("result"))

    async def ask(self, command: str, **data: Any) -> Any:
        """Send a websocket command and return its result."""
        assert self._socket is not None
        self._count += 1
        future = asyncio.get_running_loop().create_future()
        self._results[self._count] = future
        await self._socket.send_json({"id": self._count, "type": command, **data})
        async with asyncio.timeout(60):
            return await future

    async def _post(self, path: str, data: dict[str, Any]) -> Any:
        """Post JSON and return the answer."""
        assert self._session is not None
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        async with self._session.post(path, json=data, headers=headers) as response:
            if response.status >= 400:
                raise RuntimeError(f"{path}: {response.status} {await response.text()}")
            return await response.json()

    async def get(self, path: str, **query: str) -> Any:
        """Get JSON."""
        assert self._session is not None
        headers = {"Authorization": f"Bearer {self._token}"}
        async with self._session.get(path, headers=headers, params=query) as response:
            response.raise_for_status()
            return await response.json()

    async def flow(self, path: str, handler: Any, *answers: dict[str, Any]) -> Any:
        """Click through a flow and return its result."""
        step = await self._post(path, {"handler": handler})
        for answer in answers:
            if step["type"] != "form" or step.get("errors"):
                raise RuntimeError(f"flow stopped: {step}")
            step = await self._post(f"{path}/{step['flow_id']}", answer)
        if step["type"] not in ("create_entry", "abort"):
            raise RuntimeError(f"flow is not done: {step}")
        return step

    async def state(self, entity_id: str) -> str:
        """Return the state of an entity."""
        return str((await self.get(f"/api/states/{entity_id}"))["state"])

    async def call(self, domain: str, service: str, **data: Any) -> None:
        """Call an action."""
        await self.ask(
            "call_service", domain=domain, service=service, service_data=data
        )

    async def stop(self) -> None:
        """End it."""
        if self._reader is not None:
            self._reader.cancel()
        if self._session is not None:
            await self._session.close()
        await self.process.stop()
