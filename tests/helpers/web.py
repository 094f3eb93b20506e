"""A web server with moods, for what fetches: it moves, has nothing new, hangs up in the middle, changes its file."""

from __future__ import annotations

import asyncio
import threading

from aiohttp import web


class Web:
    """Serves `files` by name; what a path begins with says how it answers.  `seen` are the requests that came."""

    def __init__(self, tls=None):
        self.tls = tls
        self.files, self.seen, self.cuts = {}, [], {}
        self.address = ""
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(60)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _run(self):
        asyncio.set_event_loop(self._loop)
        app = web.Application()
        app.router.add_get("/{mood}/{name}", self.answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        self._loop.run_until_complete(runner.setup())
        self._loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self.tls).start())
        self.address = f"http{'s' if self.tls else ''}://127.0.0.1:{runner.addresses[0][1]}"
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())

    async def answer(self, request):
        self.seen.append(request)
        mood, name = request.match_info["mood"], request.match_info["name"]
        moved = {
            "moved": f"{self.address}/plain/{name}",
            "here": f"../plain/{name}",
            "round": str(request.url),
            "less": f"http://127.0.0.1:1/{name}",
            "file": "file:///etc/hostname",
        }
        if mood in moved:
            return web.Response(status=302, headers={"Location": moved[mood]})
        if mood.startswith("to-"):
            return web.Response(status=int(mood[3:]), headers={"Location": moved["here"]})
        if mood.isdigit():
            return web.Response(status=int(mood))
        if mood == "chunked":
            reply = web.StreamResponse()
            reply.enable_chunked_encoding()
            await reply.prepare(request)
            await reply.write(self.files[name])
            return reply
        return await self._file(request, mood, name)

    async def _file(self, request, mood, name):
        """`cut` hangs up three times; `changed` once, then it is another file; `blunt` once, and has no ETag."""
        data = self.files[name]
        number = self.cuts[mood] = self.cuts.get(mood, 0) + 1
        tag = '"two"' if mood == "changed" and number > 1 else '"one"'
        start, status, headers = 0, 200, {} if mood == "blunt" else {"ETag": tag}
        span = request.headers.get("Range")
        if span and request.headers.get("If-Range") == tag:
            start, status = int(span.removeprefix("bytes=").rstrip("-")), 206
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        reply = web.StreamResponse(status=status, headers=headers)
        reply.content_length = len(data) - start
        if name.endswith(".html"):
            reply.content_type = "text/html"
        await reply.prepare(request)
        if mood != "plain" and number < {"cut": 4}.get(mood, 2):
            await reply.write(data[start : start + len(data) // 4])
            await asyncio.sleep(0.05)
            request.transport.close()
            return reply
        await reply.write(data[start:])
        return reply
