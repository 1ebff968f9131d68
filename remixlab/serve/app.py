"""The routes: `POST /v1/inference/remix`, health, readiness, metrics, documentation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Annotated

from fastapi import FastAPI, Request, Response, Security
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.security import APIKeyHeader
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from remixlab.errors import InvalidImage, InvalidRequest
from remixlab.serve.admission import Busy
from remixlab.serve.answers import answer, answer_to, is_clients_fault
from remixlab.serve.front import Front
from remixlab.serve.manual import POLICY, manual
from remixlab.serve.schema import REMIX_BODY, REMIX_RESPONSES
from remixlab.serve.service import Service

_JOIN_S = 5.0
_key = APIKeyHeader(name="X-Photio-Key", auto_error=False, description="An API key.")


def create_app(service: Service) -> FastAPI:
    """The application over `service`, whose worker lives as long as it."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        service.worker.start()
        yield
        service.worker.stop()
        service.worker.join(_JOIN_S)

    app = FastAPI(
        title="remixlab",
        summary="Product photographs from a cut-out, a reference and a prompt.",
        version="1",
        lifespan=lifespan,
        docs_url=None,  # theirs loads scripts from another host
        redoc_url=None,
        redirect_slashes=False,  # a redirect would be an answer outside the envelope
    )
    app.add_middleware(Front, metrics=service.metrics, hosts=service.config.serve.allowed_hosts)
    _add_remix(app, service)
    _add_health(app, service)
    _add_manual(app)
    _add_errors(app, service)
    return app


def _add_remix(app: FastAPI, service: Service) -> None:
    @app.post(
        "/v1/inference/remix",
        openapi_extra=REMIX_BODY,
        responses=REMIX_RESPONSES,
        response_class=JSONResponse,
        summary="Make one product photograph.",
    )
    async def remix(request: Request, key: Annotated[str | None, Security(_key)]) -> Response:
        # Nothing has read the body yet, and for a wrong key nothing will.
        address = request.client.host if request.client else ""
        if not await service.guesses.accept((key or "").encode("latin-1"), address):
            raise HTTPException(401, "X-Photio-Key: accepted: a valid key")
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json" or _is_compressed(request):
            raise HTTPException(415, "Content-Type: accepted: application/json, not compressed")
        return await service.remix(request)


def _is_compressed(request: Request) -> bool:
    named = ",".join(request.headers.getlist("content-encoding")).lower().split(",")
    return any(name.strip() not in ("", "identity") for name in named)


def _add_health(app: FastAPI, service: Service) -> None:
    @app.get("/healthz", summary="The process answers.", response_description="It does.")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get(
        "/readyz",
        summary="Whether the model works and requests are taken.",
        response_description="Ready.",
        responses={503: {"description": "Not ready."}},
    )
    async def readyz() -> JSONResponse:
        ready = service.worker.ready
        return JSONResponse({"status": "ok" if ready else "not ready"}, 200 if ready else 503)

    @app.get(
        "/metrics",
        summary="Queue depth, waits, stages, batches, answers, rejections, out of memory.",
        response_description="The text that Prometheus reads.",
        response_class=Response,
    )
    async def metrics() -> Response:
        return Response(service.metrics.text(), media_type=CONTENT_TYPE_LATEST)


def _add_manual(app: FastAPI) -> None:
    page = cache(lambda: manual(app.openapi()))  # once all routes are there, and then for good

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(page(), headers={"Content-Security-Policy": POLICY})


def _add_errors(app: FastAPI, service: Service) -> None:
    @app.exception_handler(HTTPException)
    async def refused(_request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        if headers.get("Allow") == "GET":
            headers["Allow"] = "GET, HEAD"  # see Front
        return answer(error.status_code, error.detail, headers)

    @app.exception_handler(InvalidRequest)
    @app.exception_handler(InvalidImage)
    async def wrong(_request: Request, error: InvalidRequest | InvalidImage) -> Response:
        if not is_clients_fault(error):
            raise error
        return answer_to(error)

    @app.exception_handler(Busy)
    async def busy(_request: Request, error: Busy) -> Response:
        service.metrics.rejections.labels(error.reason).inc()
        return answer(503, str(error), {"Retry-After": str(service.worker.retry_after)})

    @app.exception_handler(ClientDisconnect)
    async def gone(_request: Request, _error: ClientDisconnect) -> Response:
        return answer(400, "the client went away")  # for the log: nobody hears it
