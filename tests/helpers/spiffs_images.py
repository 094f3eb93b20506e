"""The file systems of the two real bundles, and what lies in them: size and half the SHA-256 of each file."""

import zipfile

from bundles import ESP32, ESP8266, FIXTURES, real

IMAGES = {ESP8266: "fs.bin", ESP32: "fs.img"}
BOARDS = {ESP8266: "esp8266-4M", ESP32: "esp32-4M"}
FILES = {
    ESP8266: {
        "conf0.json": (3, "ca3d163bab055381827226140568f3be"),
        "favicon.ico": (1406, "a7b8b76dc14cfeaf26ae5a20f395fd52"),
        "logo.png": (6428, "b845bd4666fb55cc516abeb0f5c98f14"),
        "save.html": (1267, "09a73b11bf51fe7f7d32e8e8647d4246"),
        "wifi.html": (10004, "3ae95be50790de560fa1e4206ef6b32f"),
    },
    ESP32: {
        "api_adc.js": (803, "4b696c3bcdef543db06b2a64df9b6fa2"),
        "api_arch_uart.js": (1206, "f80f049024ae9c894a3b9dd0e141fdf0"),
        "api_arduino_bme280.js": (5165, "19b80f10534aa7ed8a79634f3418a63b"),
        "api_arduino_sgp30.js": (4084, "aa71feab59d21542954c6cd2459387bc"),
        "api_aws.js": (3600, "2c92eab883d29305b79e8fc71466208c"),
        "api_azure.js": (445, "11012d6a3fed7b717d64acc6100bec6c"),
        "api_bitbang.js": (815, "4c2ee9fb3393b5b5d3e5b319ad6109f6"),
        "api_config.js": (2170, "9ce270d2bf25118ba663928f03f41885"),
        "api_dataview.js": (7433, "867dd2578ba2396d42567f3b95e1db6d"),
        "api_dht.js": (1404, "17f93c81e19cc24e9d84f03aa807ab2c"),
        "api_esp32.js": (460, "31ea0d030fcbe6be783f939a56275d47"),
        "api_esp32_touchpad.js": (14441, "5c06280475fa89c2b6837475e5196127"),
        "api_events.js": (3398, "6a88fda770628897e3ce94743f7d6ad1"),
        "api_file.js": (2105, "34b5eb6772afd92cf37ff39d45cb2e30"),
        "api_gpio.js": (3088, "13640478e5baae96ae31f49635849c9f"),
        "api_grove.js": (2327, "f1d6244c823942d65261b51b82bb79aa"),
        "api_http.js": (3812, "0a0cf6fb361ce21251a156903dfe1b74"),
        "api_i2c.js": (4880, "bdcaccf08fbe8a208f5061481dd8e1af"),
        "api_log.js": (2005, "7338254c3ce43747b2641f614634f41d"),
        "api_math.js": (1890, "b194871c85e6a770e2170745da6f4a1a"),
        "api_mqtt.js": (2766, "f25933bd7af3a4549e2b53cc5fe9d603"),
        "api_neopixel.js": (1449, "2f0aa3a534140b2a9f15679653d3fd89"),
        "api_net.js": (5122, "97e12d2d21b1f3ab4b02207f1e81d998"),
        "api_ota.js": (278, "95cb53ee92c3f00ceaa99d66d92f72be"),
        "api_pwm.js": (726, "63cb202d093d3cb4f1ff4dbebe5f4009"),
        "api_rpc.js": (2792, "d6da9f65394b8ec1b143718d529141b0"),
        "api_shadow.js": (1687, "408727d12356be9f7082ccf22fa6dec0"),
        "api_spi.js": (4155, "a61bfea2ea05ea4df48578f1ef57f065"),
        "api_sys.js": (1641, "b87981263fd374813edd45d0b418a7fa"),
        "api_timer.js": (1736, "e8c9ed53732a89eea68ca2264e4b0597"),
        "api_uart.js": (5772, "4c1a3bdd1ae99aba28d84809bf9ba95a"),
        "api_watson.js": (336, "f3ef4c96e575eed85e45ec922d29003a"),
        "api_wifi.js": (1020, "56fc620b5d9bea90e4e013215d38439e"),
        "ca.pem": (18826, "c8d9ff4d73fc8c812203c8c00e29d0c0"),
        "conf0.json": (3209, "86f163330a8aea2b0e36488ea0836732"),
        "conf1.json": (94, "3f8da7e75fbc7812d511ee2b0ed14f9b"),
        "init.js": (4294, "88b6b860b060027a81e77bc583a39b9d"),
    },
}


def image(name):
    """
    The bytes of the file system that a real bundle brings; `mkspiffs` of Mongoose OS made them.
    """
    real(name)  # skips where there is none
    with zipfile.ZipFile(FIXTURES / name) as archive:
        return next(archive.read(entry) for entry in archive.namelist() if entry.endswith(f"/{IMAGES[name]}"))
