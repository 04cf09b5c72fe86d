"""
Bodies of the management host, in camelCase, money in US cents.

Source: xai-api.md section 12.3. Bodies that it does not show are as the API's public
clients read or send them: not verified.
"""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import ConfigDict, Field, WithJsonSchema, with_config

# Pydantic cannot read the one of `typing` before Python 3.12.
from typing_extensions import TypedDict

from grok_nb._sandbox.schemas import Body, Whole

_closed = with_config(ConfigDict(extra="forbid", strict=True))

TimeUnit = Literal[
    "TIME_UNIT_MONTH",
    "TIME_UNIT_CALENDAR_WEEK",
    "TIME_UNIT_DAY",
    "TIME_UNIT_HOUR",
    "TIME_UNIT_QUARTER_HOUR",
    "TIME_UNIT_MINUTE",
    "TIME_UNIT_SECOND",
    "TIME_UNIT_NONE",
]
Aggregation = Literal[
    "AGGREGATION_SUM",
    "AGGREGATION_AVG",
    "AGGREGATION_VAR",
    "AGGREGATION_STD",
    "AGGREGATION_MIN",
    "AGGREGATION_MAX",
    "AGGREGATION_P50",
    "AGGREGATION_P90",
    "AGGREGATION_P99",
    "AGGREGATION_P999",
    "AGGREGATION_COUNT",
    "AGGREGATION_COUNT_DISTINCT",
]
# What the sandbox groups and filters by, and adds up; all but the first of each is its own.
Group = Annotated[
    str,
    WithJsonSchema({"type": "string", "enum": ["description", "model", "endpoint"]}),
]
ValueName = Annotated[
    str,
    WithJsonSchema(
        {"type": "string", "enum": ["usd", "input_tokens", "output_tokens"]}
    ),
]
Filter = Annotated[
    str,
    WithJsonSchema(
        {"type": "string", "pattern": "^(description|model|endpoint):[^\\n]*$"}
    ),
]
_TIME = Field(
    json_schema_extra={
        "pattern": "^[0-9]{4}-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9]$"
    }
)
Time = Annotated[str, _TIME]


class TimeRange(Body):
    """From when to when, without and with a zone beside them; the end is outside."""

    start_time: Time = Field(alias="startTime")
    end_time: Time = Field(alias="endTime")
    timezone: str = "Etc/GMT"


class AskedValue(Body):
    """A value, and what is made of all of them in a span of time."""

    name: ValueName
    aggregation: Aggregation


class AnalyticsRequest(Body):
    """What is asked of the account."""

    time_range: TimeRange = Field(alias="timeRange")
    time_unit: TimeUnit = Field(default="TIME_UNIT_NONE", alias="timeUnit")
    values: list[AskedValue] = Field(json_schema_extra={"minItems": 1})
    group_by: list[Group] | None = Field(default=None, alias="groupBy")
    filters: list[Filter] | None = None


class UsageRequest(Body):
    """The body of POST .../usage."""

    analytics_request: AnalyticsRequest = Field(alias="analyticsRequest")


@_closed
class DataPoint(TypedDict):
    """The values of one span, under its beginning (UTC)."""

    timestamp: str
    values: list[float]


@_closed
class Series(TypedDict):
    """One group, with a point for each span."""

    group: list[str]
    groupLabels: list[str]
    dataPoints: list[DataPoint]


@_closed
class Usage(TypedDict):
    """The answer of POST .../usage; whether points were left out is said."""

    timeSeries: list[Series]
    limitReached: bool


@_closed
class Cents(TypedDict):
    """Money; a purchase is negative, as is a credit."""

    val: str


class GivenCents(Body):
    """Money as clients send it: a whole number, or one as text."""

    val: Whole | Annotated[str, Field(json_schema_extra={"pattern": "^[0-9]{1,9}$"})]


@_closed
class Change(TypedDict):
    """One change of the prepaid credit; of spending, its month."""

    teamId: str
    changeOrigin: Literal["PURCHASE", "SPEND"]
    amount: Cents
    topupStatus: NotRequired[Literal["SUCCEEDED"]]
    createTime: NotRequired[str]
    spendBpKeyYear: NotRequired[int]
    spendBpKeyMonth: NotRequired[int]


@_closed
class Balance(TypedDict):
    """The answer of GET .../prepaid/balance."""

    changes: list[Change]
    total: Cents


class TopUpRequest(Body):
    """The body of POST .../prepaid/top-up."""

    amount: GivenCents


@_closed
class TopUpAnswer(TypedDict):
    """The purchase that was made."""

    change: Change


@_closed
class InvoiceLine(TypedDict):
    """Units at one price: a millionth of a cent; the amount is cents."""

    description: str
    unitType: str
    unitPrice: str
    numUnits: str
    amount: str


@_closed
class CoreInvoice(TypedDict):
    """What a month costs, and that the prepaid credit pays it."""

    lines: list[InvoiceLine]
    amountBeforeVat: str
    vatCost: str
    amountAfterVat: str
    prepaidCredits: Cents
    prepaidCreditsUsed: Cents
    totalWithCorr: Cents


@_closed
class BillingCycle(TypedDict):
    """A month."""

    year: int
    month: int


@_closed
class InvoicePreview(TypedDict):
    """The answer of GET .../postpaid/invoice/preview."""

    coreInvoice: CoreInvoice
    effectiveSpendingLimit: str
    defaultCredits: str
    billingCycle: BillingCycle


@_closed
class Invoice(TypedDict):
    """The invoice of a month that is over."""

    invoiceId: str
    coreInvoice: CoreInvoice
    billingCycle: BillingCycle


@_closed
class InvoiceList(TypedDict):
    """The answer of GET .../invoices."""

    invoices: list[Invoice]


@_closed
class Limits(TypedDict):
    """How much a month may cost beyond the prepaid credit."""

    hardSlAuto: Cents
    effectiveHardSl: Cents
    softSl: Cents
    effectiveSl: Cents


@_closed
class SpendingLimits(TypedDict):
    """The answer of GET and POST .../postpaid/spending-limits."""

    spendingLimits: Limits


class LimitsRequest(Body):
    """The body of POST .../postpaid/spending-limits."""

    desired_soft_spending_limit: GivenCents = Field(alias="desiredSoftSpendingLimit")


@_closed
class PaymentMethod(TypedDict):
    """A card."""

    id: str
    brand: str
    last4: str
    isDefault: bool


@_closed
class PaymentMethods(TypedDict):
    """The answer of GET and POST .../payment-method."""

    paymentMethods: list[PaymentMethod]


class DefaultMethod(Body):
    """The body of POST .../payment-method/default."""

    payment_method_id: str = Field(alias="paymentMethodId")


class Address(Body):
    """Where somebody lives."""

    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = Field(default=None, alias="postalCode")
    country: str | None = None


class BillingInfo(Body):
    """Who pays."""

    name: str | None = None
    email: str | None = None
    address: Address | None = None
    tax_id_type: str | None = Field(default=None, alias="taxIdType")
    tax_number: str | None = Field(default=None, alias="taxNumber")


class BillingInfoRequest(Body):
    """The body of POST .../billing-info."""

    billing_info: BillingInfo = Field(alias="billingInfo")


@_closed
class ShownAddress(TypedDict):
    """Where somebody lives, as far as it was told."""

    line1: str | None
    line2: str | None
    city: str | None
    state: str | None
    postalCode: str | None
    country: str | None


@_closed
class ShownInfo(TypedDict):
    """Who pays, as far as it was told."""

    name: str | None
    email: str | None
    address: ShownAddress | None
    taxIdType: str | None
    taxNumber: str | None


@_closed
class BillingInfoAnswer(TypedDict):
    """The answer of GET and POST .../billing-info."""

    billingInfo: ShownInfo
