#!/bin/sh
# Installs the pinned uv into a folder of the checkout, without touching the system: bootstrap.sh FOLDER LOCK
set -eu

folder=$1
lock=$2

fail() {
    echo "清河：$1" >&2
    exit 1
}

python=
for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$("$candidate" -c 'import sys; print(sys.executable)')
        break
    fi
done
test -n "$python" || fail "需要 Python 3.11 或更高版本，没有找到；在 Debian 12 或 Ubuntu 24.04 上：apt-get install python3 python3-venv"

echo "正在准备安装工具 uv……"
rm -rf "$folder"
mkdir -p "$folder" || fail "目录不可写：$folder"
echo "$python" >"$folder/python"

# A Debian without python3-venv has the module but not what it needs to put pip in.
if "$python" -c 'import ensurepip, venv' 2>/dev/null && "$python" -m venv "$folder" >/dev/null 2>&1; then
    "$folder/bin/python" -m pip install -q --disable-pip-version-check --require-hashes --only-binary :all: -r "$lock" ||
        fail "安装 uv 失败（见上）；请检查网络或 pip 的镜像设置。"
elif "$python" -m pip --version >/dev/null 2>&1; then
    rm -rf "$folder/bin" "$folder/lib" "$folder/lib64" "$folder/pyvenv.cfg" # what a venv that failed has left
    "$python" -m pip install -q --disable-pip-version-check --require-hashes --only-binary :all: -r "$lock" --target "$folder" ||
        fail "安装 uv 失败（见上）；请检查网络或 pip 的镜像设置。"
else
    fail "这台机器的 Python 缺少 venv 与 pip；请先运行：apt-get install python3-venv"
fi
