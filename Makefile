# Everything a developer does here. `make` alone prints the list.

.DEFAULT_GOAL := help
.PHONY: help run demo test test-full faults lint bench bench-large lock licences audit clean miniprogram openapi desk
.DELETE_ON_ERROR:

BOOT := .local/bootstrap
UV := $(BOOT)/bin/uv
PY := .venv/bin/python
READY := .venv/.ready
MINI := miniprogram/node_modules/.ready
DESK := backend/desk/assets/node_modules/.ready
NODE := $(CURDIR)/.venv/bin

# Never another Python than the machine's own, never somebody else's virtual environment.
export UV_PYTHON_DOWNLOADS := never
# Trust whom the machine trusts: an office network's own certificate authority is only there.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt),)
export UV_SYSTEM_CERTS ?= true
endif
# Compiled code is kept: without it each of the many processes would compile everything anew at its start.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE
export PYTHONUTF8 := 1

help: ## 列出全部命令
	@echo '清河（Qinghe）'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

run: $(READY) miniprogram desk ## 在本机运行整个系统（PORT=8000 可指定端口；Ctrl-C 停止）
	@exec $(PY) -m backend.local.run

demo: $(READY) ## 演示一天的工作：从群众举报到销号
	@exec $(PY) -m backend.local.run --demo

miniprogram: $(MINI) openapi ## 构建小程序（miniprogram/dist）与浏览器里的小程序（miniprogram/host）
	@cd miniprogram && PATH="$(NODE):$$PATH" npm run --silent build

desk: $(DESK) ## 构建县级电脑端的脚本、样式与图标（backend/desk/static）
	@cd backend/desk/assets && PATH="$(NODE):$$PATH" npm run --silent build

# What the types of the mini program are made from, anew at each build.
openapi: $(READY)
	@$(PY) -m backend.local.openapi miniprogram/openapi.json

# The tests come last, so that their summary is the last thing printed.
test: $(READY) miniprogram desk ## 全部检查与测试（10 分钟以内）
	@failed=0; $(MAKE) --no-print-directory lint || failed=1; \
	$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder || failed=1; exit $$failed

test-full: $(READY) miniprogram desk ## 同样的测试，用大的数据量与更多随机样本（数小时）
	@failed=0; $(MAKE) --no-print-directory lint || failed=1; \
	TEST_SIZE=full $(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder --timeout 7200 || failed=1; exit $$failed

lint: $(READY) $(MINI) openapi ## 代码检查：ruff、mypy、TypeScript 与小程序的单元测试
	@failed=0; $(PY) -m ruff check || failed=1; $(PY) -m ruff format --check || failed=1; \
	$(PY) -m mypy || failed=1; \
	(cd miniprogram && PATH="$(NODE):$$PATH" npm run --silent check) || failed=1; \
	(cd miniprogram && PATH="$(NODE):$$PATH" npm test --silent) || failed=1; test $$failed = 0 || echo '代码检查未通过（见上）' >&2; exit $$failed

faults: $(READY) ## 故障演练：2000 份举报、50 次强杀，结果写入 docs/reliability.md（SEED=种子，SIZE="--reports 200 --kills 10"）
	@exec $(PY) -m tests.faults.storm --seed $(or $(SEED),20261124) --write $(SIZE)

bench: $(READY) miniprogram desk ## 性能测量（20 分钟以内），写入 docs/performance.md
	@rm -f .local/bench/rows.jsonl; failed=0; $(PY) -m pytest tests/benchmarks -s -q -p no:xdist --timeout 3600 || failed=1; \
	$(PY) -m tests.benchmarks.measure || failed=1; exit $$failed

bench-large: $(READY) ## 一百万案件的台账（第一次要造数据，之后留在 .local）
	@BENCH_CASES=1000000 $(PY) -m pytest tests/benchmarks/test_ledger.py -s -q -p no:xdist --timeout 7200

lock: $(UV) ## 按 pyproject.toml 重新锁定依赖
	@lock='$(UV) pip compile --universal --generate-hashes --no-emit-index-url --no-header -q'; \
	$$lock pyproject.toml -o requirements.lock; \
	$$lock pyproject.toml --group local --group dev -c requirements.lock -o requirements-dev.lock; \
	$$lock requirements-uv.in -o requirements-uv.lock

licences: $(READY) ## 按锁定文件生成第三方许可证清单（docs/licences.md）
	@exec $(PY) -m backend.local.licences

# Asks the registries' own clients about known faults; there is no database of them without a network.
audit: $(READY) ## 核对已知漏洞（需要网络；发布前运行）
	@failed=0; $(UV) tool run --quiet pip-audit==2.10.1 --require-hashes --disable-pip -r requirements.lock || failed=1; \
	for part in miniprogram backend/desk/assets; do \
	(cd $$part && PATH="$(NODE):$$PATH" npm audit --package-lock-only) || failed=1; done; exit $$failed

clean: ## 删除本检出的数据、虚拟环境与缓存
	@if test -x $(PY); then $(PY) -m backend.local.run --clean; fi
	@rm -rf .venv .local .mypy_cache .pytest_cache .ruff_cache .hypothesis .schemathesis

# The virtual environment: made anew when its Python is gone, filled anew when a lock changed.
$(READY): requirements-dev.lock pyproject.toml $(UV)
	@echo '正在准备依赖（第一次需要下载，之后不再需要）……'
	@$(PY) -c '' 2>/dev/null || $(UV) venv -q --clear --python "$$(cat $(BOOT)/python)" .venv
	@$(UV) pip sync --compile-bytecode --python $(PY) --require-hashes requirements-dev.lock
	@$(UV) pip install -q --python $(PY) --no-deps --no-build-isolation -e .
	@touch $@

# What the mini program is built with, by Node from the virtual environment; the lock names versions and hashes, no host.
$(MINI): miniprogram/package-lock.json $(READY)
	@echo '正在准备小程序的依赖……'
	@cd miniprogram && PATH="$(NODE):$$PATH" npm ci --silent --no-progress
	@touch $@

# The same for the desk's pages.
$(DESK): backend/desk/assets/package-lock.json $(READY)
	@echo '正在准备电脑端的依赖……'
	@cd backend/desk/assets && PATH="$(NODE):$$PATH" npm ci --silent --no-progress
	@touch $@

# uv itself: the pinned version, checked by hash, inside the checkout.
$(UV): requirements-uv.lock
	@sh config/bootstrap.sh $(BOOT) requirements-uv.lock
	@touch $@
