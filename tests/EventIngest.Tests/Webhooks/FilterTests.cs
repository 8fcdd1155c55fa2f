using Tracking.Database.Entities;
using Tracking.EventIngest.Webhooks;
using Tracking.Links;
using Tracking.Webhooks;

namespace Tracking.EventIngest.Tests.Webhooks;

public sealed class FilterTests
{
    [Theory]
    [InlineData("", WebhookEventType.MessageClicked, true)]
    [InlineData("", WebhookEventType.CertificateIssued, true)]
    [InlineData("message.clicked", WebhookEventType.MessageClicked, true)]
    [InlineData("message.clicked", WebhookEventType.MessageOpened, false)]
    [InlineData("message.*", WebhookEventType.MessageOpened, true)]
    [InlineData("message.*", WebhookEventType.TrackingDomainLost, false)]
    [InlineData("message.*,tracking_domain.lost", WebhookEventType.TrackingDomainLost, true)]
    [InlineData("tracking_domain.*", WebhookEventType.CertificateEndangered, false)]
    [InlineData("certificate.issued", WebhookEventType.Test, true)]
    public void An_endpoint_gets_the_types_that_it_chose(string patterns, WebhookEventType type, bool wanted) =>
        Assert.Equal(
            wanted,
            EnqueueDeliveries.Wants(
                Endpoint(patterns.Split(',', StringSplitOptions.RemoveEmptyEntries)), type, isMachine: false));

    [Theory]
    [InlineData(Verdict.Human, true)]
    [InlineData(Verdict.Proxy, true)]
    [InlineData(Verdict.Unknown, true)]
    [InlineData(Verdict.Prefetch, false)]
    [InlineData(Verdict.Preview, false)]
    [InlineData(Verdict.Scanner, false)]
    public void One_that_wants_people_gets_no_recognised_machine(Verdict verdict, bool wanted)
    {
        Assert.Equal(
            wanted,
            EnqueueDeliveries.Wants(
                Endpoint([]) with { PeopleOnly = true }, WebhookEventType.MessageClicked, verdict.IsMachine()));
        Assert.True(EnqueueDeliveries.Wants(Endpoint([]), WebhookEventType.MessageClicked, verdict.IsMachine()));
    }

    [Theory]
    [InlineData(LinkKind.Click, WebhookEventType.MessageClicked)]
    [InlineData(LinkKind.Open, WebhookEventType.MessageOpened)]
    [InlineData(LinkKind.Image, null)]
    [InlineData(LinkKind.Honeypot, null)]
    public void Clicks_and_opens_are_told_and_nothing_else(LinkKind kind, WebhookEventType? type) =>
        Assert.Equal(type, EnqueueDeliveries.TypeOf(kind));

    [Fact]
    public void Every_name_is_one_that_the_specification_allows() => Assert.All(
        WebhookEventTypes.Words, word => Assert.Matches("^[a-zA-Z0-9_]+(\\.[a-zA-Z0-9_]+)*$", word.Word));

    private static KnownEndpoint Endpoint(string[] patterns) =>
        new(Guid.CreateVersion7(), WebhookEventTypes.BitsOf(patterns), PeopleOnly: false);
}
