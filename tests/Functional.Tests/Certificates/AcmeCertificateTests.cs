using Tracking.AcmeAuthority;
using Tracking.Certificates.Acme;
using static Tracking.Functional.Tests.Certificates.AcmeUnderTest;

namespace Tracking.Functional.Tests.Certificates;

/// <summary>The results of an order: the certificate, its chain, its renewal window and its revocation.</summary>
public sealed class AcmeCertificateTests : IAsyncLifetime
{
    private const string Track = "track.example.com";
    private readonly TestAuthority _authority = new() { Roots = ["First Root", "Second Root", "Third Root"] };

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => await _authority.StartAsync();

    public ValueTask DisposeAsync() => _authority.DisposeAsync();

    [Theory]
    [InlineData(null, 0, 1)]
    [InlineData("First Root", 0, 1)]
    [InlineData("third root", 2, 3)]
    public async Task The_chain_ends_at_the_root_that_is_preferred_and_is_what_was_sent(
        string? preferred, int index, int requests)
    {
        using var acme = Of(_authority, settings => settings.PreferredRoot = preferred);

        var certificate = await acme.IssueAsync(await acme.RegisterAsync(), Track);

        Assert.Equal(_authority.Roots[index], certificate.Chain.RootName);
        Assert.Equal("First Root", certificate.DefaultRoot);
        Assert.True(certificate.IsPreferenceMet);
        Assert.Equal(_authority.LastChains[index], certificate.Chain.ToPem());
        Assert.Equal(requests, _authority.Count("certificate"));
        Assert.Empty(acme.Log);
    }

    [Fact]
    public async Task A_root_that_nobody_offers_is_warned_of_and_the_authoritys_choice_taken()
    {
        using var acme = Of(_authority, settings => settings.PreferredRoot = "Fourth Root");

        var certificate = await acme.IssueAsync(await acme.RegisterAsync(), Track);

        Assert.Equal("First Root", certificate.Chain.RootName);
        Assert.False(certificate.IsPreferenceMet);
        Assert.Equal(["First Root", "Second Root", "Third Root"], certificate.OfferedRoots);
        Assert.Contains(
            "no chain that ends at Fourth Root, only at First Root, Second Root, Third Root", Assert.Single(acme.Log),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_that_is_not_there_yet_is_a_problem_and_then_a_certificate()
    {
        using var acme = Of(_authority);
        var account = await acme.RegisterAsync();
        using var key = CertificateKey.Create();
        var order = await acme.ProveAsync(account, await acme.OrderAsync(account, Name(Track)));
        var done = Value(await acme.Client.FinalizeAsync(
            account, order.Url, order.Finalize, key.MakeRequest([Name(Track)]), Cancelled));
        _authority.Script("certificate", new RefusalException(404, "malformed", "not there"));

        var first = await acme.Client.DownloadAsync(account, done.Certificate!, Cancelled);
        var second = await acme.Client.DownloadAsync(account, done.Certificate!, Cancelled);

        Assert.Equal(404, first.Problem?.Status);
        Assert.NotNull(second.Value);
    }

    [Theory]
    [InlineData(IssuedWith.OtherKey, CertificateFault.OtherKey)]
    [InlineData(IssuedWith.OtherName, CertificateFault.OtherName)]
    [InlineData(IssuedWith.NotYetValid, CertificateFault.NotYetValid)]
    [InlineData(IssuedWith.Expired, CertificateFault.Expired)]
    [InlineData(IssuedWith.BrokenChain, CertificateFault.BrokenChain)]
    public async Task A_wrong_certificate_is_refused_with_its_reason(IssuedWith wrong, CertificateFault fault)
    {
        _authority.IssuesWith = wrong;
        using var acme = Of(_authority);
        var account = await acme.RegisterAsync();
        using var key = CertificateKey.Create();
        var order = await acme.ProveAsync(account, await acme.OrderAsync(account, Name(Track)));
        var certificate = await acme.FinishAsync(account, order, key, Name(Track));

        var refusal = CheckCertificate.Refusal(
            certificate.Chain, key.ExportPublicKey(), [Name(Track)], acme.Time.GetUtcNow());

        Assert.Equal(fault, refusal?.Fault);
        Assert.NotEmpty(refusal!.Reason);
    }

    [Theory]
    [InlineData(-1, CertificateFault.NotYetValid)]
    [InlineData(1, null)]
    [InlineData(46, CertificateFault.Expired)]
    public async Task A_clock_that_is_wrong_by_days_is_told_from_a_wrong_certificate(int days, CertificateFault? fault)
    {
        var time = new OffsetTime(TimeSpan.FromDays(days));
        using var acme = Of(_authority, time: time);
        var account = await acme.RegisterAsync();
        using var key = CertificateKey.Create();
        var order = await acme.ProveAsync(account, await acme.OrderAsync(account, Name(Track)));
        var certificate = await acme.FinishAsync(account, order, key, Name(Track));

        var refusal = CheckCertificate.Refusal(
            certificate.Chain, key.ExportPublicKey(), [Name(Track)], time.GetUtcNow());

        Assert.Equal(fault, refusal?.Fault);
        // The authority's clock shows that our clock is wrong.
        Assert.InRange(acme.Client.ClockOffset.TotalDays, -days - 0.01, -days + 0.01);
    }

    [Fact]
    public async Task Renewal_information_has_window_and_explanation()
    {
        _authority.RenewalExplanation = "https://authority.example/why";
        using var acme = Of(_authority);
        var id = CertificateId.Of(
            (await acme.IssueAsync(await acme.RegisterAsync(), Track)).Chain.Certificates[0])!;

        var renewal = Value(await acme.Client.ReadRenewalInformationAsync(id, Cancelled));

        Assert.Equal(TimeSpan.FromDays(1), renewal.End - renewal.Start);
        Assert.InRange(renewal.Start, acme.Time.GetUtcNow().AddDays(29), acme.Time.GetUtcNow().AddDays(30));
        Assert.Equal("https://authority.example/why", renewal.ExplanationUrl?.AbsoluteUri);
        Assert.Equal(TimeSpan.FromHours(6), renewal.AskAgainAfter);
    }

    [Theory]
    [InlineData(-48, -24)]
    [InlineData(24, 48)]
    [InlineData(87_600, 87_624)]
    public async Task A_window_that_has_moved_is_given_as_it_is(int startHours, int endHours)
    {
        using var acme = Of(_authority);
        var id = CertificateId.Of(
            (await acme.IssueAsync(await acme.RegisterAsync(), Track)).Chain.Certificates[0])!;
        var now = acme.Time.GetUtcNow();
        _authority.RenewalWindow = () => (now.AddHours(startHours), now.AddHours(endHours));

        var renewal = Value(await acme.Client.ReadRenewalInformationAsync(id, Cancelled));

        Assert.Equal(now.AddHours(startHours).ToUnixTimeSeconds(), renewal.Start.ToUnixTimeSeconds());
        Assert.Equal(now.AddHours(endHours).ToUnixTimeSeconds(), renewal.End.ToUnixTimeSeconds());
    }

    [Fact]
    public async Task Renewal_information_that_is_unknown_broken_or_upside_down_is_a_problem()
    {
        using var acme = Of(_authority);
        var id = CertificateId.Of(
            (await acme.IssueAsync(await acme.RegisterAsync(), Track)).Chain.Certificates[0])!;
        async Task<AcmeProblem?> AskAsync(string which) =>
            (await acme.Client.ReadRenewalInformationAsync(which, Cancelled)).Problem;

        Assert.Equal(404, (await AskAsync("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"))?.Status);
        _authority.Script("renewal-info", new RefusalException(500, "serverInternal", "later"));
        Assert.Equal((AcmeProblemType.ServerInternal, 500), ((await AskAsync(id))!.Type, (await AskAfter500Async())));
        _authority.Alter("renewal-info", _ => "{\"suggestedWindow\":");
        Assert.Equal(AcmeProblemType.NotAcme, (await AskAsync(id))?.Type);
        _authority.Alter("renewal-info", _ => "{}");
        Assert.Equal(AcmeProblemType.NotAcme, (await AskAsync(id))?.Type);
        var now = acme.Time.GetUtcNow();
        _authority.Alter("renewal-info", text => text);
        _authority.RenewalWindow = () => (now, now.AddHours(-1));
        Assert.Equal(AcmeProblemType.NotAcme, (await AskAsync(id))?.Type);

        async Task<int?> AskAfter500Async()
        {
            _authority.Script("renewal-info", new RefusalException(500, "serverInternal", "later"));
            return (await AskAsync(id))?.Status;
        }
    }

    [Fact]
    public async Task A_certificate_is_revoked_once_for_a_reason_that_is_taken()
    {
        using var acme = Of(_authority);
        var account = await acme.RegisterAsync();
        var certificate = (await acme.IssueAsync(account, Track)).Chain.Certificates[0];

        _authority.Script("revoke", new RefusalException(400, "badRevocationReason", "not this one"));
        var refused = await acme.Client.RevokeAsync(account, certificate, RevocationReason.Superseded, Cancelled);
        var revoked = await acme.Client.RevokeAsync(account, certificate, RevocationReason.KeyCompromise, Cancelled);
        var again = await acme.Client.RevokeAsync(account, certificate, RevocationReason.KeyCompromise, Cancelled);

        Assert.Equal(AcmeProblemType.BadRevocationReason, refused.Problem?.Type);
        Assert.NotNull(revoked.Value);
        Assert.Equal(AcmeProblemType.AlreadyRevoked, again.Problem?.Type);
        Assert.Equal(1, _authority.RevokedFor);
    }

    /// <summary>The system's clock with an error.</summary>
    private sealed class OffsetTime(TimeSpan offset) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + offset;
    }
}
