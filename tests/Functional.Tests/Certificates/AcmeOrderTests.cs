using Tracking.AcmeAuthority;
using Tracking.Certificates.Acme;
using Tracking.Servers;
using static Tracking.Functional.Tests.Certificates.AcmeUnderTest;

namespace Tracking.Functional.Tests.Certificates;

/// <summary>Orders at an authority that is correct except for the tested behaviour.</summary>
public sealed class AcmeOrderTests : IAsyncLifetime
{
    private const string Track = "track.example.com";
    private readonly TestAuthority _authority = new() { Roots = ["First Root", "Second Root", "Third Root"] };

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => await _authority.StartAsync();

    public ValueTask DisposeAsync() => _authority.DisposeAsync();

    [Fact]
    public async Task An_order_ends_with_a_certificate_that_fits_and_costs_no_request_too_many()
    {
        using var acme = Of(_authority);

        var certificate = await acme.IssueAsync(await acme.RegisterAsync(), Track);

        Assert.Equal(2, certificate.Chain.Certificates.Count);
        Assert.Equal(
            (1, 1, 1, 1, 1, 1),
            (_authority.Count("directory"), _authority.Count("new-nonce"), _authority.Count("new-account"),
                _authority.Count("new-order"), _authority.Count("finalize"), _authority.Count("certificate")));
        Assert.Empty(acme.Log);
    }

    [Fact]
    public async Task Every_step_can_be_the_first_of_another_process()
    {
        _authority.ProcessingLooks = 1;
        using var acme = Of(_authority);
        var (key, url) = (acme.Key.ExportPkcs8(), (await acme.RegisterAsync()).Url);
        async Task<T> InAnotherProcessAsync<T>(Func<AcmeClient, AcmeAccount, Task<AcmeOutcome<T>>> step)
            where T : class
        {
            using var client = acme.NewClient();
            using var again = AccountKey.FromPkcs8(key);
            return Value(await step(client, new AcmeAccount(again, url)));
        }

        using var certificateKey = CertificateKey.Create();
        var placed = await InAnotherProcessAsync((client, account) =>
            client.NewOrderAsync(account, [Name(Track)], replaces: null, Cancelled));
        var authorization = await InAnotherProcessAsync((client, account) =>
            client.ReadAuthorizationAsync(account, placed.Order.Authorizations[0], Cancelled));
        var challenge = authorization.Challenges.First(each => each.Type == ChallengeType.Http01);
        await InAnotherProcessAsync(
            (client, account) => client.AnswerChallengeAsync(account, challenge.Url, Cancelled));
        var order = placed.Order;
        async Task ComesToAsync(OrderStatus status) => await Eventually.HoldsAsync(
            async () => (order = await InAnotherProcessAsync((client, account) =>
                client.ReadOrderAsync(account, order.Url, Cancelled))).Status == status,
            $"the order is {status}", Cancelled);
        await ComesToAsync(OrderStatus.Ready);

        // The answer is lost, and the process dies.
        _authority.LoseAnswer("finalize");
        using (var client = acme.NewClient())
        {
            var lost = await client.FinalizeAsync(
                new AcmeAccount(acme.Key, url), order.Url, order.Finalize, certificateKey.MakeRequest([Name(Track)]),
                Cancelled);
            Assert.Equal(AcmeProblemType.Unreachable, lost.Problem?.Type);
        }

        await ComesToAsync(OrderStatus.Valid);
        var certificate = await InAnotherProcessAsync((client, account) =>
            client.DownloadAsync(account, order.Certificate!, Cancelled));
        Assert.Null(CheckCertificate.Refusal(
            certificate.Chain, certificateKey.ExportPublicKey(), [Name(Track)], acme.Time.GetUtcNow()));
        Assert.Equal((1, 1), (_authority.Orders, _authority.Certificates));
    }

    [Fact]
    public async Task An_order_whose_answer_is_lost_costs_one_more_order_at_most()
    {
        using var acme = Of(_authority);
        var account = await acme.RegisterAsync();
        _authority.LoseAnswer("new-order");

        var lost = await acme.Client.NewOrderAsync(account, [Name(Track)], replaces: null, Cancelled);
        await acme.IssueAsync(account, Track);

        Assert.Equal(AcmeProblemType.Unreachable, lost.Problem?.Type);
        Assert.Equal((2, 1), (_authority.Orders, _authority.Certificates));
    }

    [Fact]
    public async Task An_order_that_is_ready_at_once_needs_no_challenge()
    {
        _authority.ReusesAuthorizations = true;
        using var acme = Of(_authority);
        var account = await acme.RegisterAsync();
        await acme.IssueAsync(account, Track);

        var order = await acme.OrderAsync(account, Name(Track));

        Assert.Equal(OrderStatus.Ready, order.Status);
        using var key = CertificateKey.Create();
        await acme.FinishAsync(account, order, key, Name(Track));
        Assert.Equal(1, _authority.Count("challenge"));
    }

    [Fact]
    public async Task Challenges_of_a_new_kind_are_left_alone()
    {
        _authority.OffersUnknownChallenges = true;
        using var acme = Of(_authority);
        var account = await acme.RegisterAsync();
        var order = await acme.OrderAsync(account, Name(Track));

        var authorization = await acme.ReadAuthorizationAsync(account, order.Authorizations[0]);

        Assert.Equal(
            [ChallengeType.Http01, ChallengeType.TlsAlpn01], authorization.Challenges.Select(each => each.Type));
        Assert.Equal(OrderStatus.Ready, (await acme.ProveAsync(account, order)).Status);
    }

    [Fact]
    public async Task Half_of_all_nonces_refused_does_not_hinder_an_order()
    {
        _authority.RefusedNonces = 50;
        using var acme = Of(_authority);

        await acme.IssueAsync(await acme.RegisterAsync(), Track);

        // Every refusal brings the next nonce.
        Assert.Equal(1, _authority.Count("new-nonce"));
    }

    [Fact]
    public async Task A_nonce_that_is_always_refused_ends_after_the_attempts_that_are_set()
    {
        _authority.RefusedNonces = 100;
        using var acme = Of(_authority, changeAll: options => options.NonceAttempts = 7);

        var outcome = await acme.Client.RegisterAsync(acme.Key, Cancelled);

        Assert.Equal(AcmeProblemType.BadNonce, outcome.Problem?.Type);
        Assert.Equal(7, _authority.Count("new-account"));
    }

    [Fact]
    public async Task Many_orders_at_once_use_every_nonce_once()
    {
        using var acme = Of(_authority);
        var account = await acme.RegisterAsync();

        await Task.WhenAll(Enumerable.Range(0, 30).Select(number =>
            acme.IssueAsync(account, $"track{number}.example.com")));

        // A nonce that comes twice is answered by badNonce, and the request is sent again.
        Assert.Equal(30, _authority.Count("new-order"));
        Assert.Equal(30, _authority.Certificates);
        Assert.InRange(_authority.Count("new-nonce"), 1, 31);
    }

    [Fact]
    public async Task Profiles_are_asked_for_where_they_are_offered_and_left_out_where_they_are_refused()
    {
        _authority.Profiles["tlsserver"] = "https://authority.example/profiles";
        using var acme = Of(_authority);
        var account = await acme.RegisterAsync();

        var order = await acme.OrderAsync(account, Name(Track));
        Assert.Equal(("tlsserver", "tlsserver"), (order.Profile, _authority.LastProfile));

        using var other = Of(_authority, settings => settings.Profile = "shortlived");
        Assert.Null((await other.OrderAsync(await other.RegisterAsync(), Name(Track))).Profile);
        Assert.Empty(other.Log);

        _authority.RefusedProfiles.Add("tlsserver");
        var placed = Value(await acme.Client.NewOrderAsync(account, [Name(Track)], replaces: null, Cancelled));
        Assert.True(placed.IsWithoutProfile);
        Assert.Null(placed.Order.Profile);
        Assert.Contains("does not accept the profile tlsserver", Assert.Single(acme.Log), StringComparison.Ordinal);
        Assert.Equal(4, _authority.Count("new-order"));
    }

    [Fact]
    public async Task A_renewal_names_what_it_replaces_and_goes_on_without_where_that_was_replaced()
    {
        using var acme = Of(_authority);
        var account = await acme.RegisterAsync();
        var id = CertificateId.Of((await acme.IssueAsync(account, Track)).Chain.Certificates[0])!;

        var first = Value(await acme.Client.NewOrderAsync(account, [Name(Track)], id, Cancelled));
        var second = Value(await acme.Client.NewOrderAsync(account, [Name(Track)], id, Cancelled));

        Assert.Equal((false, true), (first.IsWithoutReplaces, second.IsWithoutReplaces));
        Assert.Equal((3, 1), (_authority.Orders, _authority.Replacements));
    }

    [Fact]
    public async Task An_order_replaces_nothing_at_an_authority_without_renewal_information()
    {
        _authority.OffersRenewalInformation = false;
        using var acme = Of(_authority);
        var account = await acme.RegisterAsync();
        var id = CertificateId.Of((await acme.IssueAsync(account, Track)).Chain.Certificates[0])!;

        Value(await acme.Client.NewOrderAsync(account, [Name(Track)], id, Cancelled));

        Assert.Equal(0, _authority.Replacements);
        Assert.Equal(
            AcmeProblemType.NotOffered,
            (await acme.Client.ReadRenewalInformationAsync(id, Cancelled)).Problem?.Type);
    }

    [Fact]
    public async Task An_order_that_is_processing_says_when_to_look_again()
    {
        _authority.ProcessingLooks = 5;
        using var acme = Of(_authority);
        var account = await acme.RegisterAsync();
        using var key = CertificateKey.Create();
        var order = await acme.ProveAsync(account, await acme.OrderAsync(account, Name(Track)));

        var sent = Value(await acme.Client.FinalizeAsync(
            account, order.Url, order.Finalize, key.MakeRequest([Name(Track)]), Cancelled));

        Assert.Equal((OrderStatus.Processing, TimeSpan.FromSeconds(3)), (sent.Status, sent.RetryAfter));
        Assert.Null(sent.Certificate);
        Assert.Equal(OrderStatus.Processing, (await acme.ReadOrderAsync(account, order.Url)).Status);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_order_that_failed_says_why_if_the_authority_does(bool saysWhy)
    {
        using var acme = Of(_authority);
        var account = await acme.RegisterAsync();
        var order = await acme.OrderAsync(account, Name(Track));
        _authority.FailOrders(saysWhy ? new RefusalException(403, "caa", "CAA record prevents issuance") : null);

        var failed = await acme.ReadOrderAsync(account, order.Url);

        Assert.Equal(OrderStatus.Invalid, failed.Status);
        Assert.Equal(saysWhy ? AcmeProblemType.Caa : null, failed.Error?.Type);
    }

    [Theory]
    [InlineData("caa", AcmeProblemType.Caa)]
    [InlineData("dns", AcmeProblemType.Dns)]
    [InlineData("connection", AcmeProblemType.Connection)]
    [InlineData("tls", AcmeProblemType.Tls)]
    [InlineData("unauthorized", AcmeProblemType.Unauthorized)]
    [InlineData("incorrectResponse", AcmeProblemType.IncorrectResponse)]
    public async Task A_name_that_cannot_be_proved_has_the_authoritys_reason(string type, AcmeProblemType expected)
    {
        _authority.RefusedNames[Track] = new(400, type, "During secondary validation: no");
        using var acme = Of(_authority);
        var account = await acme.RegisterAsync();

        var order = await acme.ProveAsync(account, await acme.OrderAsync(account, Name(Track)));

        Assert.Equal(OrderStatus.Invalid, order.Status);
        var authorization = await acme.ReadAuthorizationAsync(account, order.Authorizations[0]);
        Assert.Equal(AuthorizationStatus.Invalid, authorization.Status);
        Assert.Equal((expected, "During secondary validation: no"),
            (authorization.Error!.Type, authorization.Error.Detail));
        Assert.Equal(type is not ("caa" or "incorrectResponse"), authorization.Error.IsFromElsewhere);
        using var key = CertificateKey.Create();
        var sent = await acme.Client.FinalizeAsync(
            account, order.Url, order.Finalize, key.MakeRequest([Name(Track)]), Cancelled);
        Assert.Equal(AcmeProblemType.OrderNotReady, sent.Problem?.Type);
    }

    [Fact]
    public async Task A_request_for_other_names_is_a_bad_request()
    {
        using var acme = Of(_authority);
        var account = await acme.RegisterAsync();
        using var key = CertificateKey.Create();
        var order = await acme.ProveAsync(account, await acme.OrderAsync(account, Name(Track)));

        var sent = await acme.Client.FinalizeAsync(
            account, order.Url, order.Finalize, key.MakeRequest([Name("other.example.com")]), Cancelled);

        Assert.Equal(AcmeProblemType.BadCsr, sent.Problem?.Type);
    }

    [Fact]
    public async Task An_authorization_can_be_given_up()
    {
        using var acme = Of(_authority);
        var account = await acme.RegisterAsync();
        var order = await acme.OrderAsync(account, Name(Track));

        var gone = Value(await acme.Client.DeactivateAuthorizationAsync(account, order.Authorizations[0], Cancelled));

        Assert.Equal(AuthorizationStatus.Gone, gone.Status);
    }
}
