using System.Security.Cryptography.X509Certificates;
using Tracking.Certificates.Acme;
using Tracking.Servers;
using static Tracking.Functional.Tests.Certificates.AcmeUnderTest;

namespace Tracking.Functional.Tests.Certificates;

/// <summary>The client against an independent authority: Let's Encrypt's pebble.</summary>
public sealed class PebbleTests
{
    private const string Track = "track.example.com";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(ChallengeType.Http01)]
    [InlineData(ChallengeType.TlsAlpn01)]
    public async Task A_name_is_proved_either_way_and_its_certificate_revoked(ChallengeType type)
    {
        await using var pebble = new TestPebble();
        await pebble.StartAsync(Cancelled);
        using var acme = Of(pebble);
        var account = await acme.RegisterAsync();

        var certificate = await acme.IssueAsync(
            account, Track, (name, challenge, answer) => type == ChallengeType.Http01
            ? pebble.AnswerHttpAsync(challenge.Token, answer, Cancelled)
            : pebble.AnswerTlsAlpnAsync(name, answer, Cancelled), type);

        var leaf = certificate.Chain.Certificates[0];
        Assert.NotNull(CertificateId.Of(leaf));
        using var read = X509CertificateLoader.LoadCertificate(leaf);
        Assert.Equal("Valid", await pebble.StatusAsync(read.SerialNumber, Cancelled));
        Value(await acme.Client.RevokeAsync(account, leaf, RevocationReason.KeyCompromise, Cancelled));
        Assert.Equal("Revoked", await pebble.StatusAsync(read.SerialNumber, Cancelled));
        Assert.Equal(
            AcmeProblemType.AlreadyRevoked,
            (await acme.Client.RevokeAsync(account, leaf, RevocationReason.KeyCompromise, Cancelled)).Problem?.Type);
        // Pebble offers neither of them.
        Assert.Equal(
            AcmeProblemType.NotOffered,
            (await acme.Client.ReadRenewalInformationAsync(CertificateId.Of(leaf)!, Cancelled)).Problem?.Type);
        Assert.Empty(acme.Log);
    }

    [Fact]
    public async Task A_name_that_nobody_answers_for_fails_with_pebbles_reason()
    {
        await using var pebble = new TestPebble();
        await pebble.StartAsync(Cancelled);
        using var acme = Of(pebble);
        var account = await acme.RegisterAsync();

        var order = await acme.ProveAsync(account, await acme.OrderAsync(account, Name(Track)));

        Assert.Equal(OrderStatus.Invalid, order.Status);
        var error = (await acme.ReadAuthorizationAsync(account, order.Authorizations[0])).Error;
        Assert.Equal(AcmeProblemType.Unauthorized, error?.Type);
    }

    [Fact]
    public async Task Fifty_orders_complete_while_nine_of_ten_nonces_are_refused()
    {
        await using var pebble = new TestPebble { RefusedNonces = 90 };
        await pebble.StartAsync(Cancelled);
        using var acme = Of(pebble);
        var account = await acme.RegisterAsync();

        await Parallel.ForAsync(0, 50, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (number, _) =>
            await acme.IssueAsync(account, $"track{number}.example.com", (_, challenge, answer) =>
                pebble.AnswerHttpAsync(challenge.Token, answer, Cancelled)));
    }

    [Theory]
    [InlineData(100, OrderStatus.Ready)]
    [InlineData(0, OrderStatus.Pending)]
    public async Task A_second_order_needs_a_challenge_unless_authorizations_are_used_again(
        int reused, OrderStatus expected)
    {
        await using var pebble = new TestPebble { ReusedAuthorizations = reused };
        await pebble.StartAsync(Cancelled);
        using var acme = Of(pebble);
        var account = await acme.RegisterAsync();
        Task AnswerAsync(string name, AcmeChallenge challenge, string answer) =>
            pebble.AnswerHttpAsync(challenge.Token, answer, Cancelled);
        await acme.IssueAsync(account, Track, AnswerAsync);

        var order = await acme.OrderAsync(account, Name(Track));

        // Pebble shows the authorization as pending until it is read.
        Assert.Equal(expected, (await acme.ReadOrderAsync(account, order.Url)).Status);
        await acme.IssueAsync(account, Track, AnswerAsync);
    }

    [Fact]
    public async Task The_chain_is_chosen_by_its_root_and_an_unknown_root_is_warned_of()
    {
        await using var pebble = new TestPebble { AlternateRoots = 3, ChainLength = 3 };
        await pebble.StartAsync(Cancelled);
        var wanted = await pebble.RootNameAsync(2, Cancelled);
        using var choosing = Of(pebble, settings => settings.PreferredRoot = wanted);
        using var mistaken = Of(pebble, settings => settings.PreferredRoot = "No Such Root");
        Task AnswerAsync(string name, AcmeChallenge challenge, string answer) =>
            pebble.AnswerHttpAsync(challenge.Token, answer, Cancelled);

        var chosen = await choosing.IssueAsync(await choosing.RegisterAsync(), Track, AnswerAsync);
        var other = await mistaken.IssueAsync(await mistaken.RegisterAsync(), Track, AnswerAsync);

        Assert.Equal((wanted, 4), (chosen.Chain.RootName, chosen.Chain.Certificates.Count));
        Assert.Empty(choosing.Log);
        Assert.Equal(
            (await pebble.RootNameAsync(0, Cancelled), false), (other.Chain.RootName, other.IsPreferenceMet));
        Assert.Equal(4, other.OfferedRoots.Distinct().Count());
        Assert.Contains("No Such Root", Assert.Single(mistaken.Log), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_external_account_is_bound_by_the_right_key_alone()
    {
        const string key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
        await using var pebble = new TestPebble
        {
            ExternalAccounts = new Dictionary<string, string> { ["kid-1"] = key },
        };
        await pebble.StartAsync(Cancelled);
        async Task<AcmeOutcome<AcmeAccount>> RegisterAsync(string? keyId, string? macKey)
        {
            using var acme = Of(pebble, settings => (settings.EabKeyId, settings.EabKey) = (keyId, macKey));
            return await acme.Client.RegisterAsync(acme.Key, Cancelled);
        }

        Assert.Equal(
            AcmeProblemType.ExternalAccountRequired, (await RegisterAsync(null, null)).Problem?.Type);
        Assert.Equal(AcmeProblemType.Unauthorized, (await RegisterAsync("kid-9", key)).Problem?.Type);
        Assert.NotNull((await RegisterAsync("kid-1", "AAECAwQFBgcICQoLDA0ODw")).Problem);
        Assert.NotNull((await RegisterAsync("kid-1", key)).Value);
    }

    [Fact]
    public async Task An_account_changes_its_key_is_deactivated_and_is_unknown_elsewhere()
    {
        await using var pebble = new TestPebble();
        await pebble.StartAsync(Cancelled);
        using var acme = Of(pebble);
        using var newKey = AccountKey.Create();
        var account = await acme.RegisterAsync();

        var changed = Value(await acme.Client.ChangeKeyAsync(account, newKey, Cancelled));
        Assert.Equal(account.Url, changed.Url);
        Assert.NotNull((await acme.Client.ReadAccountAsync(account, Cancelled)).Problem);
        Assert.True(Value(await acme.Client.ReadAccountAsync(changed, Cancelled)).IsValid);
        // The old key has no account any more.
        Assert.Equal(
            AcmeProblemType.AccountDoesNotExist,
            (await acme.Client.FindAccountAsync(acme.Key, Cancelled)).Problem?.Type);

        Assert.False(Value(await acme.Client.DeactivateAccountAsync(changed, Cancelled)).IsValid);
        Assert.Equal(
            AcmeProblemType.Unauthorized,
            (await acme.Client.NewOrderAsync(changed, [Name(Track)], replaces: null, Cancelled)).Problem?.Type);

        await using var another = new TestPebble();
        await another.StartAsync(Cancelled);
        using var stranger = Of(another);
        var nobody = new AcmeAccount(stranger.Key, new Uri(new Uri(another.Directory), "/my-account/9"));
        var unknown = await stranger.Client.NewOrderAsync(nobody, [Name(Track)], replaces: null, Cancelled);
        Assert.Equal(AcmeProblemType.AccountDoesNotExist, unknown.Problem?.Type);
        await stranger.RegisterAsync();
    }

    private static AcmeUnderTest Of(
        TestPebble pebble, Action<Tracking.Certificates.AuthoritySettings>? change = null) =>
        new(pebble.Directory, pebble.RootPem, change);
}
