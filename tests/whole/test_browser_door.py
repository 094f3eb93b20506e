"""Pages of somebody else in a real browser at this machine: whatever they try, no device changes."""

import pytest
from browsing import CHROMIUM, a_browser
from serving import FAST, curl, tiny_bundle
from web import Web

from otalab.wire.live.device import LiveDevice

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found: apt-get install chromium"),
]
NAME, PASSWORD = "admin", "a lamp's password"
EVERYWHERE = ".".join("0000")
# Each settles when the browser has its answer, or knows that there will be none.
WAYS = {
    "image": "(url) => new Promise((end) => { const i = new Image(); i.onload = i.onerror = end; i.src = url; })",
    "script": """(url) => new Promise((end) => { const s = document.createElement('script');
        s.onload = s.onerror = end; s.src = url; document.head.append(s); })""",
    "frame": """(url) => new Promise((end) => { const f = document.createElement('iframe');
        f.onload = f.onerror = end; f.src = url; document.body.append(f); })""",
    "form": """(url) => new Promise((end) => { const f = document.createElement('iframe'); f.name = 'f' + Math.random();
        document.body.append(f); const form = document.createElement('form'); form.target = f.name; form.action = url;
        form.method = 'POST'; document.body.append(form); f.onload = end; form.submit(); })""",
    "no-cors GET": "(url) => fetch(url, {mode: 'no-cors', credentials: 'include'}).catch(String)",
    "no-cors POST": "(url) => fetch(url, {mode: 'no-cors', method: 'POST', credentials: 'include'}).catch(String)",
    "no-cors, no referrer": """(url) => fetch(url, {mode: 'no-cors', method: 'POST', credentials: 'include',
        referrerPolicy: 'no-referrer'}).catch(String)""",
    "cors": "(url) => fetch(url, {headers: {'X-Own': '1'}}).catch(String)",
}
UPLOAD = """async ([url, bytes]) => { const form = new FormData(), file = new Blob([new Uint8Array(bytes)]);
    form.append('file', file, 'fw.zip');
    await fetch(url, {mode: 'no-cors', method: 'POST', body: form, credentials: 'include'}).catch(String); }"""
SOCKET = """(url) => new Promise((end) => { const s = new WebSocket(url); s.onerror = s.onclose = () => end('shut');
    s.onopen = () => { s.send('{"id": 1, "method": "OTA.Revert"}'); s.onmessage = () => end('open'); }; })"""


@pytest.fixture(scope="module")
def browser():
    """
    One browser for all pages.
    """
    with a_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def stranger():
    """
    Somebody else's server: a page, and the firmware that he would like to see installed.
    """
    with Web() as served:
        served.files = {"page.html": b"<!doctype html><title>kittens</title>", "fw.zip": tiny_bundle("2")}
        yield served


@pytest.fixture(params=[None, PASSWORD], ids=["no password", "password"])
def device(request, tmp_path):
    """
    A device with everything as it is by default, but small and quick.
    """
    options = FAST | ({"password": request.param} if request.param else {})
    with LiveDevice(tmp_path / "flash.bin", **options) as running:
        running.secret = request.param
        yield running


@pytest.fixture
def page(browser, device, stranger):
    """
    The stranger's page, in a browser that has the device's password by heart and sends it along.
    """
    known = {"http_credentials": {"username": NAME, "password": PASSWORD}} if device.secret else {}
    context = browser.new_context(**known)
    page = context.new_page()
    page.goto(f"{stranger.address}/plain/page.html")
    yield page
    context.close()


def addresses(device):
    """
    Where a page can find the device: by its address, by a name, and by two addresses that lead there as well.
    """
    port = device.url.rpartition(":")[2]
    return [f"http://{host}:{port}" for host in ("127.0.0.1", "localhost", EVERYWHERE, "[::ffff:127.0.0.1]")]


def asked_for(device, stranger):
    """
    Return what was brought about: how often the firmware was fetched, and what runs.
    """
    fetched = [one for one in stranger.seen if one.path.endswith("/fw.zip")]
    return len(fetched), device.status()["version"], device.flash.read_bytes()


def test_no_page_of_somebody_else_changes_a_device(device, stranger, page):
    """
    By whatever element or call, by whatever address; with the password in the browser as well.
    """
    bait = f"{stranger.address}/plain/fw.zip"
    before = asked_for(device, stranger)
    for address in addresses(device):
        for path in (f"/update?url={bait}", "/update/commit", "/rpc/OTA.Update?url=" + bait):
            for way in WAYS.values():
                page.evaluate(way, address + path)
        page.evaluate(UPLOAD, [f"{address}/update", list(stranger.files["fw.zip"])])
        assert "shut" == page.evaluate(SOCKET, address.replace("http", "ws") + "/rpc")
    assert before == asked_for(device, stranger)
    assert not [line for line in device.log if line.startswith("phase download")]


def test_no_page_leads_a_browser_to_a_change(device, stranger, page):
    """
    A page that goes somewhere else, as a link or a typed address does.
    """
    bait = f"{stranger.address}/plain/fw.zip"
    before = asked_for(device, stranger)
    for address in addresses(device):
        # A page of its own each time: one that is still on its way would interrupt the next.
        other = page.context.new_page()
        other.goto(f"{stranger.address}/plain/page.html")
        with other.expect_event("requestfinished" if "::" not in address else "request"):
            other.evaluate("(url) => { location.href = url; }", f"{address}/update?url={bait}")
    page.reload()
    assert before == asked_for(device, stranger)


def test_the_same_is_done_for_whoever_may(device, stranger, page):
    """
    The device's own page in the same browser, and curl: so these tests would see a device that changes.
    """
    page.goto(device.url)
    said = page.evaluate("() => fetch('/update/commit', {method: 'POST'}).then((reply) => reply.status)")
    assert 400 == said
    known = ["--digest", "-u", f"{NAME}:{PASSWORD}"] if device.secret else []
    before = asked_for(device, stranger)
    assert 200 == curl(*known, f"{device.url}/update?url={stranger.address}/plain/fw.zip")[0]
    device.wait_for(version="2", committed=True)
    assert before[0] + 1 == asked_for(device, stranger)[0]
