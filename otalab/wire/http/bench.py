"""The bench that a virtual device lies on: what its page shows, and its plug; all of it is there without power too."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from otalab.wire.device.flash_map import flash_map
from otalab.wire.device.plug import Plug
from otalab.wire.device.status import status

PAGE = Path(__file__).with_name("device.html")
PULLED, POWERED = "The plug is pulled", "The power is on"
BENCH = ("/", "/status", "/flash", "/power/off", "/power/on")


class Bench:
    """The routes that are no part of the device itself."""

    def __init__(self, plug: Plug) -> None:
        self.plug, self.device = plug, plug.device

    def add_to(self, app: web.Application) -> None:
        """Add them to an application."""
        app.router.add_get("/", self.page)
        app.router.add_get("/status", self.status)
        app.router.add_get("/flash", self.flash)
        app.router.add_post("/power/off", self.off)
        app.router.add_post("/power/on", self.on)

    async def page(self, _request: web.Request) -> web.StreamResponse:
        """Show the device to a person."""
        # Not as a file: where a peer has gone meanwhile, the library stumbles over that in its own log.
        return web.Response(text=PAGE.read_text(encoding="utf-8"), content_type="text/html")

    async def status(self, _request: web.Request) -> web.Response:
        """Show it to a program."""
        return web.json_response(status(self.device))

    async def flash(self, _request: web.Request) -> web.Response:
        """Show the sectors of its flash to a program."""
        return web.json_response(flash_map(self.device))

    async def off(self, _request: web.Request) -> web.Response:
        """Pull the plug, in the middle of whatever the device does."""
        await self.plug.pull()
        return web.Response(text=f"{PULLED}\r\n")

    async def on(self, _request: web.Request) -> web.Response:
        """Put it in again."""
        self.plug.put_in()
        return web.Response(text=f"{POWERED}\r\n")
