using Tracking.ServiceDefaults.Settings;

namespace Tracking.Functional.Tests.Gateway;

/// <summary>A request is sent to another copy only if certainly no copy has processed it.</summary>
public sealed class TryAnotherCopyTests
{
    private static readonly KeyValuePair<string, string> _proxied = new("Tracking:Gateway:Edge", "proxied");

    public static TheoryData<Dies, bool> Deaths
    {
        get
        {
            var deaths = new TheoryData<Dies, bool>();
            foreach (var dies in Enum.GetValues<Dies>())
            {
                deaths.Add(dies, false);
                deaths.Add(dies, true);
            }

            return deaths;
        }
    }

    [Theory]
    [MemberData(nameof(Deaths))]
    public async Task A_request_that_a_copy_may_have_taken_is_asked_of_no_other(Dies dies, bool hard)
    {
        await using var dying = new DyingCopy(dies, hard);
        await using var host = await GatewayHost.StartAsync(
            [_proxied, new("services:edge:http:1", dying.Address)], ServiceNames.Edge);
        for (var n = 0; n < 20; n++)
        {
            var before = (Dying: dying.Requests, Other: host.Asked(ServiceNames.Edge));
            var (status, _) = await host.GetAsync("track.example.org", $"/{n}");
            var reached = dying.Requests - before.Dying;
            var answered = host.Asked(ServiceNames.Edge) - before.Other;

            Assert.InRange(answered, 0, 1);
            Assert.Equal(answered == 1 ? 200 : 503, status);
            if (dies is Dies.OnRequest or Dies.OnRequestTaken)
            {
                // Exactly one copy got the request.
                Assert.Equal(1, reached + answered);
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_request_that_a_copy_refuses_to_take_is_answered_by_another(bool hard)
    {
        await using var refusing = new DyingCopy(Dies.Refuses, hard);
        await using var host = await GatewayHost.StartAsync(
            [_proxied, new("services:edge:http:1", refusing.Address)], ServiceNames.Edge);
        for (var n = 0; n < 20; n++)
        {
            Assert.Equal(200, (await host.GetAsync("track.example.org", $"/{n}")).Status);
        }

        Assert.NotEqual(0, refusing.Requests);
    }

    [Fact]
    public async Task A_service_that_went_without_an_answer_is_a_problem_that_says_so_and_a_page_to_recipients()
    {
        await using var dying = new DyingCopy(Dies.OnRequest, hard: true);
        await using var host = await GatewayHost.StartAsync(
            [_proxied, new("services:edge:http:0", dying.Address), new("services:management:http:0", dying.Address)]);
        var (status, body) = await host.GetAsync("api.example.org", "/api/v1/clusters");
        Assert.Equal(502, status);
        Assert.Contains("urn:tracking:problem:unanswered", body, StringComparison.Ordinal);

        (status, body) = await host.GetAsync("track.example.org", "/c/anything");
        Assert.Equal(503, status);
        Assert.StartsWith("<!doctype html>", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_request_keeps_its_id_at_all_copies_and_each_request_has_its_own()
    {
        await using var host = await GatewayHost.StartAsync(
            [_proxied, new("services:edge:http:1", "http://127.0.0.1:1")], ServiceNames.Edge);
        var ids = new HashSet<Guid>();
        for (var n = 0; n < 20; n++)
        {
            // The client's own header is replaced.
            await host.GetAsync("track.example.org", $"/{n}", ("Tracking-Event-Id", Guid.Empty.ToString()));
            var id = Guid.ParseExact(host.Last(ServiceNames.Edge)["Tracking-Event-Id"].Single()!, "D");
            Assert.Equal(7, id.Version);
            Assert.True(ids.Add(id));
        }
    }

    [Fact]
    public async Task Only_an_edge_is_told_an_id()
    {
        await using var host = await GatewayHost.StartAsync([_proxied], ServiceNames.Edge, ServiceNames.Management);
        await host.GetAsync("api.example.org", "/api", ("Tracking-Event-Id", Guid.CreateVersion7().ToString()));
        Assert.False(host.Last(ServiceNames.Management).ContainsKey("Tracking-Event-Id"));
    }
}
