"""What the county's machine is set up by: read, and held against the code that it has to fit. What needs a program that
this machine may lack (nginx, promtool, hadolint) says so when it is passed over."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from apiflask import APIFlask
from compose_spec import PyOptions
from prometheus_client.parser import text_string_to_metric_families

from backend.domain import photos
from backend.jobs import drain
from backend.settings import Settings
from backend.work import unit_of_work
from tests.build import Build

ROOT = Path(__file__).parent.parent
NGINX = (ROOT / "config" / "nginx" / "nginx.conf").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {"migrate", "web", "worker", "scheduler", "backup"}
RUN_ONCE = {"migrate", "backup"}


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, each on one line."""
    text = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text("utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def program(name: str) -> str:
    found = shutil.which(name, path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if found is None:
        pytest.skip(f"{name} is not installed on this machine: its own check of the file was not made")
    return found


# ---- the image -------------------------------------------------------------------------------------------------------


def test_the_image_is_made_in_stages_and_runs_without_root() -> None:
    found = instructions()
    assert sum(word == "FROM" for word, _ in found) >= 3
    last = [*found][max(n for n, (word, _) in enumerate(found) if word == "FROM") :]
    user = next(rest for word, rest in last if word == "USER")
    assert int(user.split(":")[0]) > 0
    words = [word for word, _ in last]
    assert words.index("USER") < words.index("CMD")
    assert "/healthz" in next(rest for word, rest in last if word == "HEALTHCHECK")
    assert all(":" in rest.split()[0] and ":latest" not in rest for word, rest in found if word == "FROM")
    assert any("--require-hashes" in rest for word, rest in found if word == "RUN")
    assert "ADD" not in words
    assert not any(re.search(r"(?i)(secret|password|token)=", rest) for word, rest in found if word in ("ENV", "ARG"))


def test_everything_that_the_image_copies_is_there() -> None:
    for word, rest in instructions():
        if word == "COPY" and "--from" not in rest:
            for source in [part for part in rest.split() if not part.startswith("--")][:-1]:
                assert (ROOT / source).exists(), source


def test_the_image_has_the_commands_that_its_services_run(tmp_path: Path) -> None:
    """Nothing installs the application in the images: `qinghe` is a script that they copy."""
    for stage in re.split(r"(?m)^FROM ", (ROOT / "Dockerfile").read_text("utf-8"))[1:]:
        if "entrypoint.sh" in stage:
            assert re.search(r"COPY --chmod=0755 config/qinghe.sh /usr/local/bin/qinghe", stage)
    for name in OURS:
        command = SERVICES[name].get("command", ["gunicorn"])
        first = command[2].split()[0] if command[:2] == ["sh", "-c"] else command[0]
        assert first in ("gunicorn", "python", "qinghe"), name
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    said = subprocess.run(
        ["sh", ROOT / "config" / "qinghe.sh", "backup", "--help"], cwd=ROOT, env=env, capture_output=True, text=True
    )
    assert said.returncode == 0, said.stderr
    assert "备份" in said.stdout


def test_folders_that_volumes_are_mounted_on_belong_to_the_application() -> None:
    owned = " ".join(rest for word, rest in instructions() if word == "RUN" and "chown 10001:10001" in rest)
    for name in OURS:
        for volume in SERVICES[name]["volumes"]:
            if not volume.endswith(":ro"):
                assert volume.rpartition(":")[2] in owned, (name, volume)


def test_secrets_come_from_files_and_a_missing_one_stops_the_start(tmp_path: Path) -> None:
    script = ROOT / "config" / "entrypoint.sh"
    secret = tmp_path / "key"
    secret.write_text("a b$c'\"d\n", "utf-8")
    env = {"PATH": "/usr/bin:/bin", "SECRET_KEY_FILE": str(secret)}
    started = subprocess.run(["sh", script, "sh", "-c", 'printf %s "$SECRET_KEY"'], env=env, capture_output=True)
    assert (started.returncode, started.stdout) == (0, b"a b$c'\"d")
    env["DIGEST_KEY_FILE"] = str(tmp_path / "absent")
    refused = subprocess.run(["sh", script, "true"], env=env, capture_output=True)
    assert refused.returncode == 1
    assert b"DIGEST_KEY" in refused.stderr


def test_hadolint_has_nothing_to_say() -> None:
    said = subprocess.run([program("hadolint"), ROOT / "Dockerfile"], capture_output=True, text=True)
    assert said.returncode == 0, said.stdout


# ---- the machine's services ------------------------------------------------------------------------------------------


def by_the_specification(text: str) -> None:
    """As compose reads it, with every variable filled in. Raises ValueError."""
    filled = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
    options = PyOptions()
    options.apply_merge = True
    options.from_yaml(re.sub(r"\$\{\w+:\?[^}]*\}", "x", filled)).validate()


def test_the_file_follows_the_compose_specification() -> None:
    text = (ROOT / "compose.yaml").read_text("utf-8")
    by_the_specification(text)
    for right, wrong in (
        ("restart: unless-stopped", "restrat: always"), ('ports: ["443:443", "80:80"]', "ports: 443x"),
        ("interval: 5s", "interval: 5parsecs"), ("roots:/var/lib", "rots:/var/lib"), ("- sms_key\n", "- smskey\n"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"."):
            by_the_specification(text.replace(right, wrong, 1))


def test_every_service_is_limited_watched_and_started_again() -> None:
    assert {"postgres", "redis", "minio", "nginx", *OURS} == SERVICES.keys()
    for name, service in SERVICES.items():
        assert ":latest" not in service["image"], name
        assert service["restart"] == ("no" if name in RUN_ONCE else "unless-stopped"), name
        assert service["logging"]["options"]["max-size"], name
        if name != "migrate":
            assert service["deploy"]["resources"]["limits"].keys() == {"memory", "cpus"}, name
            # The web server's is in the image.
            assert "healthcheck" in service or name in RUN_ONCE | {"web"}, name
        for other in service.get("depends_on", {}):
            assert other in SERVICES, (name, other)
    assert SERVICES["scheduler"]["deploy"]["replicas"] == 1
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"nginx"}
    assert COMPOSE["networks"]["inside"]["internal"] is True


def test_no_secret_stands_in_the_file_and_each_is_declared() -> None:
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if re.search(r"SECRET|PASSWORD|TOKEN|KEY|DATABASE_URL|REDIS_URL", variable):
                assert variable.endswith("_FILE"), (name, variable)
            if variable.endswith("_FILE"):
                assert value.removeprefix("/run/secrets/") in service["secrets"], (name, variable)
        for secret in service.get("secrets", ()):
            assert COMPOSE["secrets"][secret]["file"].startswith("./secrets/"), (name, secret)
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert "/secrets/" in ignored


def test_the_application_is_told_all_that_it_asks_for() -> None:
    needed = {name.upper() for name, field in Settings.model_fields.items() if field.is_required()}
    for name in OURS:
        given = {variable.removesuffix("_FILE") for variable in SERVICES[name]["environment"]}
        assert not needed - given, name
        unknown = {one.lower() for one in given} - Settings.model_fields.keys() - {"migrate_database_url"}
        assert not unknown, name


def test_what_is_mounted_from_the_checkout_is_there() -> None:
    for name, service in SERVICES.items():
        for volume in service.get("volumes", ()):
            source = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", volume).split(":")[0]
            if source.startswith("./") and not source.startswith("./secrets"):
                assert (ROOT / source).exists(), (name, source)
            elif not source.startswith("."):
                assert source in COMPOSE["volumes"], (name, source)


# ---- nginx -----------------------------------------------------------------------------------------------------------


def megabytes(text: str) -> list[int]:
    return [int(size) * 1024 * 1024 for size in re.findall(r"client_max_body_size (\d+)m;", text)]


def test_the_proxy_lets_through_what_the_application_takes(app: APIFlask) -> None:
    api, store = megabytes(NGINX)
    assert api == app.config["MAX_CONTENT_LENGTH"]
    assert photos.MAX_BYTES < store <= photos.MAX_BYTES + 2 * 1024 * 1024
    assert NGINX.count("{") == NGINX.count("}")
    assert SERVICES["web"]["environment"]["TRUSTED_PROXIES"] == "1"
    assert "X-Forwarded-For $remote_addr;" in NGINX, "what a client claims to have come through is not passed on"
    assert "Strict-Transport-Security" in NGINX


def test_the_proxy_writes_down_nobodys_address() -> None:
    [written] = re.findall(r"log_format \w+ (.*?);", NGINX, re.DOTALL)
    told = set(re.findall(r"\$(\w+)", written))
    assert told == {
        "time_iso8601", "request_method", "status", "bytes_sent", "request_time", "upstream_http_x_request_id",
    }  # fmt: skip
    assert re.findall(r"access_log (.*?);", NGINX) == ["/dev/stdout traceless"]


def test_nginx_itself_reads_its_file(tmp_path: Path) -> None:
    nginx = program("nginx")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-keyout", tmp_path / "key.pem",
         "-out", tmp_path / "fullchain.pem"], check=True, capture_output=True,
    )  # fmt: skip
    local = NGINX.replace("/etc/nginx/tls", str(tmp_path)).replace("web:8000", "127.0.0.1:8000")
    local = local.replace("minio:9000", "127.0.0.1:9000").replace("include mime.types;", "")
    told = subprocess.run([nginx, "-v"], capture_output=True, text=True).stderr
    if [int(n) for n in re.findall(r"\d+", told)[:3]] < [1, 25, 1]:
        local = local.replace("http2 on;", "")  # ours in compose.yaml knows it
    (tmp_path / "nginx.conf").write_text(local, "utf-8")
    said = subprocess.run([nginx, "-t", "-c", tmp_path / "nginx.conf"], capture_output=True, text=True)
    assert said.returncode == 0, said.stderr


# ---- Prometheus ------------------------------------------------------------------------------------------------------


def alerts() -> list[dict[str, Any]]:
    read = yaml.safe_load((ROOT / "config" / "prometheus" / "alerts.yaml").read_text("utf-8"))
    return [rule for group in read["groups"] for rule in group["rules"]]


def test_alerts_ask_for_figures_that_there_are(build: Build) -> None:
    build.report()
    with build.app.app_context():
        with unit_of_work() as work:
            work.defer("make_root")
        drain()
    text = build.app.test_client().get("/metrics").text
    known = {sample.name for family in text_string_to_metric_families(text) for sample in family.samples}
    asked = {name for rule in alerts() for name in re.findall(r"\bqinghe_\w+", rule["expr"])}
    assert len(asked) >= 8
    assert asked <= known
    for rule in alerts():
        assert rule["labels"]["severity"] in ("page", "ticket"), rule["alert"]
        assert rule["annotations"]["summary"], rule["alert"]
        assert re.search(r"[一-鿿]", rule["annotations"]["summary_zh"]), rule["alert"]


def test_promtool_reads_the_alerts() -> None:
    file = ROOT / "config" / "prometheus" / "alerts.yaml"
    said = subprocess.run([program("promtool"), "check", "rules", file], capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
