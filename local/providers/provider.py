"""The provider core: what is the same for every resource type and function."""

import asyncio
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Generic, TypeVar

from pulumi.provider.experimental import provider as protocol
from pulumi.provider.experimental.property_value import PropertyValue

from local.providers import schema
from local.providers.errors import InitFailedError, ProviderError, UnknownTokenError
from local.providers.resource import Change, Function, Operation, Property, Resource
from local.providers.schema import Violation
from local.providers.sdk import declaration
from local.providers.values import (
    UNKNOWN,
    Properties,
    is_empty,
    plain_map,
    secret_names,
    wrap,
    wrap_map,
)

DEFAULTS_KEY = "__defaults"
"""The checked inputs' list of names that Check filled in, as the Terraform bridge keeps it."""

SessionT = TypeVar("SessionT")
RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")
ResultT = TypeVar("ResultT")


class StandIn(protocol.Provider, Generic[SessionT]):
    """A provider made of resource types and functions; each request runs in a separate thread."""

    def __init__(
        self, resources: Iterable[type[Resource[SessionT]]], functions: Iterable[Function[SessionT]] = ()
    ) -> None:
        self.resources = {declaration(resource.sdk).token: resource for resource in resources}
        self.functions = {function.token: function for function in functions}
        self._cancelled = threading.Event()

    def session(self) -> SessionT:
        """Return what Configure has set up, or raise ProviderError when the configuration is not usable."""
        raise NotImplementedError

    async def configure(self, request: protocol.ConfigureRequest) -> protocol.ConfigureResponse:
        # One that was started by hand serves one engine after the other.
        self._cancelled = threading.Event()
        await self._in_thread(self._configure, request)
        # Without previews of Create and Update the engine makes outputs unknown by itself; the SDK could not
        # marshal unknowns. Resource references and output values would need marshalling too.
        return protocol.ConfigureResponse(accept_secrets=True, supports_preview=False)

    async def check(self, request: protocol.CheckRequest) -> protocol.CheckResponse:
        return await self._in_thread(self._check, request)

    async def diff(self, request: protocol.DiffRequest) -> protocol.DiffResponse:
        return await self._in_thread(self._diff, request)

    async def create(self, request: protocol.CreateRequest) -> protocol.CreateResponse:
        return await self._in_thread(self._create, request)

    async def read(self, request: protocol.ReadRequest) -> protocol.ReadResponse:
        return await self._in_thread(self._read, request)

    async def update(self, request: protocol.UpdateRequest) -> protocol.UpdateResponse:
        return await self._in_thread(self._update, request)

    async def delete(self, request: protocol.DeleteRequest) -> None:
        await self._in_thread(self._delete, request)

    async def invoke(self, request: protocol.InvokeRequest) -> protocol.InvokeResponse:
        return await self._in_thread(self._invoke, request)

    async def cancel(self) -> None:
        self._cancelled.set()

    async def _in_thread(self, handle: Callable[[RequestT], ResponseT], request: RequestT) -> ResponseT:
        return await asyncio.to_thread(handle, request)

    def _configure(self, request: protocol.ConfigureRequest) -> None:
        """Set the session up. Nothing to do for a provider without configuration."""

    def attempt(
        self, resource: Resource[SessionT], action: str, subject: str, call: Callable[[], ResultT]
    ) -> ResultT | None:
        """Run one step of a resource's life; `action` and `subject` are for errors ("creating", its name or id).

        Subclasses translate and retry errors here. None when what is read or deleted is gone.
        """
        del resource, action, subject
        return call()

    def _type(self, qualified: str) -> type[Resource[SessionT]]:
        """Return the type of a URN, which names the parents' types too: "awsx:ec2:Vpc$aws:ec2/vpc:Vpc"."""
        token = qualified.rpartition("$")[2]
        if token not in self.resources:
            raise UnknownTokenError("resource type", token, self.resources)
        return self.resources[token]

    def _bind(self, token: str, resource_id: str = "", timeout: float = 0) -> Resource[SessionT]:
        operation = Operation(self._cancelled, timeout or None)
        return self._type(token)(self.session(), operation, resource_id)

    def _check(self, request: protocol.CheckRequest) -> protocol.CheckResponse:
        resource = self._type(request.type)
        given = plain_map(request.new_inputs)
        failures = list(_violations(resource, given))
        defaults: Properties = {
            name: rule.default
            for name, rule in resource.inputs.items()
            if rule.default is not None and given.get(name) is None
        }
        naming = resource.auto_name
        if naming and given.get(naming.property) is None:
            old = plain_map(request.old_inputs)
            if naming.property in (old.get(DEFAULTS_KEY) or []):
                defaults[naming.property] = old[naming.property]
            else:
                try:
                    defaults[naming.property] = naming.generate(request.name, request.random_seed)
                except ValueError as too_long:
                    failures.append(Violation(naming.property, str(too_long)))
        if failures:
            return protocol.CheckResponse(
                failures=[protocol.CheckFailure(failure.path, failure.reason) for failure in failures]
            )
        added = wrap_map({**defaults, DEFAULTS_KEY: sorted(defaults)})
        return protocol.CheckResponse(inputs=request.new_inputs | added)

    def _diff(self, request: protocol.DiffRequest) -> protocol.DiffResponse:
        resource = self._bind(request.type, request.resource_id)
        state = plain_map(request.old_state)
        inputs = plain_map(request.new_inputs)
        change = Change(state, inputs, frozenset(_changes(resource, state, inputs, request.ignore_changes)))
        replaced = {name for name in change.names if resource.replaces(name, change)}
        naming = resource.auto_name
        # A given name that stays would clash with the one that is to be replaced.
        fixed_name = naming is not None and (
            naming.property not in (inputs.get(DEFAULTS_KEY) or [])
            and state.get(naming.property) == inputs.get(naming.property)
        )
        return protocol.DiffResponse(
            changes=bool(change.names),
            replaces=sorted(replaced),
            diffs=sorted(change.names),
            delete_before_replace=bool(replaced) and fixed_name,
            detailed_diff={
                name: protocol.PropertyDiff(_kind(name, change, replaces=name in replaced), input_diff=False)
                for name in change.names
            },
        )

    def _create(self, request: protocol.CreateRequest) -> protocol.CreateResponse:
        resource = self._bind(request.type, timeout=request.timeout)
        inputs = _public(request.properties)
        secrets = secret_names(request.properties)
        subject = inputs[resource.auto_name.property] if resource.auto_name else request.name
        resource_id = self.attempt(resource, "creating", subject, lambda: resource.create(inputs))
        if resource_id is None:
            raise AssertionError(f"{request.type} {request.name}: created without an id")
        resource.id = resource_id
        try:
            self._finish(resource, inputs, creating=True)
            outputs = self._outputs(resource, inputs, inputs, secrets)
        except ProviderError as failure:
            raise self._half_done(failure, resource, resource.created, inputs, secrets) from failure
        return protocol.CreateResponse(resource.id, outputs)

    def _update(self, request: protocol.UpdateRequest) -> protocol.UpdateResponse:
        resource = self._bind(request.type, request.resource_id, request.timeout)
        old = plain_map(request.olds)
        inputs = _public(request.news)
        secrets = secret_names(request.news)
        change = Change(old, inputs, frozenset(_changes(resource, old, inputs, request.ignore_changes)))
        if not change.names:
            # The engine also updates what it failed to make or to change before; the real provider does nothing then.
            return protocol.UpdateResponse(request.olds)
        state = {name: value for name, value in old.items() if name not in resource.inputs} | inputs
        try:
            self.attempt(resource, "updating", resource.id, lambda: resource.update(change))
            self._finish(resource, inputs, creating=False)
            outputs = self._outputs(resource, inputs, state, secrets)
        except ProviderError as failure:
            raise self._half_done(failure, resource, state, inputs, secrets) from failure
        return protocol.UpdateResponse(outputs)

    def _half_done(
        self,
        failure: ProviderError,
        resource: Resource[SessionT],
        state: Properties,
        inputs: Properties,
        secrets: set[str],
    ) -> InitFailedError:
        """Keep in the state what was wanted, not what is there, as the real provider does (pulumi/pulumi#21458)."""
        wanted = state | resource.wanted(inputs)
        return InitFailedError(str(failure), resource.id, _wrap_outputs(resource, wanted, secrets))

    def _finish(self, resource: Resource[SessionT], inputs: Properties, *, creating: bool) -> None:
        self.attempt(resource, "waiting for", resource.id, lambda: resource.finish(inputs, creating=creating))

    def _outputs(
        self, resource: Resource[SessionT], inputs: Properties, state: Properties, secrets: set[str]
    ) -> dict[str, PropertyValue]:
        """Return outputs of a resource that was just created or updated."""
        actual = self.attempt(resource, "reading", resource.id, lambda: resource.read(state))
        if actual is None:
            raise ProviderError(f"reading {resource.title} ({resource.id}): it is gone")
        return _wrap_outputs(resource, _as_written(resource, inputs, actual), secrets)

    def _read(self, request: protocol.ReadRequest) -> protocol.ReadResponse:
        resource = self._bind(request.type, request.resource_id)
        state = plain_map(request.properties)
        actual = self.attempt(resource, "reading", resource.id, lambda: resource.read(state))
        if actual is None:
            return protocol.ReadResponse("")
        outputs = _as_written(resource, state, actual)
        old_inputs = plain_map(request.inputs)
        # After an import there are no inputs yet: everything settable that is set.
        names = [name for name in old_inputs if name in outputs] or [
            name for name in resource.inputs if not is_empty(outputs.get(name))
        ]
        inputs = old_inputs | {name: outputs[name] for name in names}
        secrets = secret_names(request.inputs) | secret_names(request.properties)
        return protocol.ReadResponse(
            resource.id,
            _wrap_outputs(resource, outputs, secrets),
            wrap_map(inputs, secrets | resource.secret_outputs),
        )

    def _delete(self, request: protocol.DeleteRequest) -> None:
        timeout = self._type(request.type).delete_seconds or request.timeout
        resource = self._bind(request.type, request.resource_id, timeout)
        state = plain_map(request.properties)
        self.attempt(resource, "deleting", resource.id, lambda: resource.delete(state))

    def _invoke(self, request: protocol.InvokeRequest) -> protocol.InvokeResponse:
        if request.tok not in self.functions:
            raise UnknownTokenError("function", request.tok, self.functions)
        function = self.functions[request.tok]
        arguments = {name: value for name, value in plain_map(request.args).items() if value is not None}
        declared = declaration(function.sdk)
        inputs = {**declared.inputs, "required": function.required}
        failures = [protocol.CheckFailure(v.path, v.reason) for v in schema.violations(inputs, arguments)]
        if failures:
            return protocol.InvokeResponse(failures=failures)
        results = function.call(self.session(), arguments)
        _assert_known(results, declared.outputs, request.tok)
        return protocol.InvokeResponse(wrap_map(results, function.secret_outputs))


def _public(values: Mapping[str, PropertyValue]) -> Properties:
    """Return checked inputs without what Check keeps beside them."""
    return {name: value for name, value in plain_map(values).items() if not name.startswith("__")}


def _violations(resource: type[Resource[Any]], given: Properties) -> Iterable[Violation]:
    declared = declaration(resource.sdk).inputs
    yield from schema.violations(declared, given)
    for name, value in given.items():
        rule = resource.inputs.get(name)
        if rule is None and name in declared["properties"]:
            yield Violation(
                name,
                f"the local stand-in does not implement this input of {resource.title}; "
                f"it has {', '.join(sorted(resource.inputs))}. Use the real provider for it",
            )
        elif rule and rule.values and isinstance(value, str) and value not in rule.values:
            yield Violation(name, f"expected one of {', '.join(rule.values)}, got {value!r}")
    yield from resource.check(given)


def _changes(resource: Resource[Any], state: Properties, inputs: Properties, ignored: Collection[str]) -> Iterable[str]:
    """Names of the inputs that differ from the state as Terraform sees it, without those that are ignored.

    The engine ignores changes of the program; the real provider ignores what is not as the program has it, too.
    """
    for name, rule in resource.inputs.items():
        if (
            name not in ignored
            and _differs(rule, state.get(name), inputs.get(name))
            and not resource.ignores(name, state, inputs)
        ):
            yield name
    yield from resource.drifted(state, inputs)


def _differs(rule: Property, old: Any, new: Any) -> bool:
    if new is UNKNOWN:
        return True
    if new is None and rule.computed:
        return False
    if is_empty(old) or is_empty(new):
        return is_empty(old) != is_empty(new)
    return not rule.same(old, new)


def _kind(name: str, change: Change, *, replaces: bool) -> protocol.PropertyDiffKind:
    if is_empty(change.old.get(name)):
        kind = protocol.PropertyDiffKind.ADD
    elif is_empty(change.new.get(name)):
        kind = protocol.PropertyDiffKind.DELETE
    else:
        kind = protocol.PropertyDiffKind.UPDATE
    return protocol.PropertyDiffKind[f"{kind.name}_REPLACE"] if replaces else kind


def _as_written(resource: Resource[Any], written: Properties, actual: Properties) -> Properties:
    """Return the actual properties, in the program's spelling where AWS's means the same.

    Inputs that AWS does not report (such as `waitForSteadyState`) are kept.
    """
    outputs = {name: value for name, value in written.items() if name in resource.inputs} | actual
    for name, rule in resource.inputs.items():
        if not is_empty(written.get(name)) and not _differs(rule, outputs.get(name), written[name]):
            outputs[name] = written[name]
    return outputs


def _wrap_outputs(resource: Resource[Any], outputs: Properties, secrets: set[str]) -> dict[str, PropertyValue]:
    _assert_known(outputs, declaration(resource.sdk).outputs, type(resource).__name__)
    if "tags" in secrets:
        secrets = secrets | {"tagsAll"}
    return {
        name: wrap(value, secret=name in secrets or name in resource.secret_outputs)
        for name, value in outputs.items()
        if value is not None
    }


def _assert_known(outputs: Properties, known: Collection[str], source: str) -> None:
    """Refuse a misspelt output, which would be null in every program, without a word."""
    if unknown := set(outputs) - set(known):
        raise AssertionError(f"{source} returns what the SDK does not have: {sorted(unknown)}")
