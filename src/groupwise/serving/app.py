"""The application: one picture a request or one case, no address to fetch, no model to load."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib.resources import files

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles

from groupwise.serving import schema
from groupwise.serving.about import about
from groupwise.serving.batching import Batcher, Predictor
from groupwise.serving.forms import files_of
from groupwise.serving.intake import MAX_CASE_BYTES, Intake, Refused, refuse_form
from groupwise.serving.metrics import Counters
from groupwise.serving.security import SecurityMiddleware, refusal
from groupwise.serving.watching import Watch
from groupwise.version import __version__

STATIC = files("groupwise.serving").joinpath("static")
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus' own


def create_app(
    predictor: Predictor,
    *,
    hosts: Collection[str] = ("localhost",),
    token: str | None = None,
    draining: Callable[[], bool] = lambda: False,
    watch: Watch | None = None,
) -> SecurityMiddleware:
    """The application over `predictor`, as ASGI servers run it, and over what `watch` finds after it.

    `SecurityMiddleware` says what `hosts` and `token` do.
    """
    intake, batcher = Intake(), Batcher(predictor)
    counters = Counters(pictures_inside=lambda: batcher.inside, bytes_held=lambda: intake.bytes_held)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        following = asyncio.create_task(watch.follow(batcher)) if watch else None
        yield
        if following:
            following.cancel()
        batcher.close()

    # FastAPI's own pages of documentation load their scripts from elsewhere.
    app = FastAPI(
        title="Groupwise",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        responses=schema.errors(400, 401, 403, 421),
    )
    _add_predict(app, batcher, intake, counters)
    _add_state(app, counters, draining)
    _add_page(app)
    _explain_errors(app)
    return SecurityMiddleware(app, counters, hosts=hosts, token=token, draining=draining)


def _add_predict(app: FastAPI, batcher: Batcher, intake: Intake, counters: Counters) -> None:
    @app.post(
        "/v1/predict",
        response_model=schema.LabelsWithNotesOut
        | schema.LabelsOut
        | schema.PredictionWithNotesOut
        | schema.PredictionOut,
        responses=schema.errors(408, 413, 415, 422, 503),
        openapi_extra=schema.PICTURE,
    )
    async def predict(request: Request, heat: bool = Query(default=False)) -> Response:
        """Say class and probability of one picture."""
        refuse_form(request)
        async with intake.body(request) as data:
            answer = await batcher.answer(data, heat=heat)
        counters.count_answer(answer)
        return JSONResponse(answer)

    @app.post(
        "/v1/predict-case",
        response_model=schema.LabelsOfCaseOut | schema.CaseOut,
        responses=schema.errors(408, 413, 415, 422, 503),
        openapi_extra=schema.CASE,
    )
    async def predict_case(request: Request) -> Response:
        """Say one class and its probability of several pictures of one case."""
        async with intake.body(request, MAX_CASE_BYTES) as data:
            pictures = files_of(data, request.headers.get("content-type", ""))
            answer = await batcher.answer_case(pictures)
        for one in answer["answers"]:
            counters.count_answer(one)
        return JSONResponse(answer)

    @app.get("/v1/model", response_model=schema.ModelOut)
    async def model() -> Response:
        """Say what the model tells apart, and what it takes."""
        return JSONResponse(about(batcher.predictor))


def _add_state(app: FastAPI, counters: Counters, draining: Callable[[], bool]) -> None:
    @app.get("/healthz", response_model=schema.StatusOut)
    async def healthz() -> Response:
        """Say that the process lives."""
        return JSONResponse({"status": "alive"})

    @app.get("/readyz", response_model=schema.StatusOut, responses=schema.errors(503))
    async def readyz() -> Response:
        """Say whether to send pictures here."""
        if draining():
            return refusal(Refused(503, "the server is stopping", remedy="Send pictures to another one."))
        return JSONResponse({"status": "ready"})

    @app.get("/metrics", response_class=Response, responses={200: {"content": {CONTENT_TYPE: {}}}})
    async def metrics() -> Response:
        """Give the figures that Prometheus collects."""
        return Response(counters.text(), media_type=CONTENT_TYPE)


def _add_page(app: FastAPI) -> None:
    @app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def page() -> Response:
        return FileResponse(str(STATIC.joinpath("index.html")))

    app.mount("/static", StaticFiles(directory=str(STATIC)))


def _explain_errors(app: FastAPI) -> None:
    """Give every refusal the shape of `schema.ErrorOut`, those of the libraries included."""

    @app.exception_handler(Refused)
    async def refused(_: Request, error: Refused) -> Response:
        return refusal(error)

    @app.exception_handler(RequestValidationError)
    async def misunderstood(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return refusal(Refused(422, f"{where}: {first['msg']}", remedy="See /openapi.json."))

    @app.exception_handler(HTTPException)
    async def unknown(_: Request, error: HTTPException) -> Response:
        fact = HTTPStatus(error.status_code).phrase.lower()
        answer = refusal(Refused(error.status_code, fact, remedy="See /openapi.json."))
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(ClientDisconnect)
    async def gone(_: Request, __: Exception) -> Response:
        return Response(status_code=400)  # nobody is there to read it

    @app.exception_handler(Exception)
    async def defect(_: Request, __: Exception) -> Response:
        remedy = "Its log says why; this is a defect of Groupwise."
        return refusal(Refused(500, "the server failed", remedy=remedy))
