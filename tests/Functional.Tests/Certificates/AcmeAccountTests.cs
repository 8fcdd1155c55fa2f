using System.Buffers.Text;
using System.Security.Cryptography;
using Tracking.AcmeAuthority;
using Tracking.Certificates.Acme;
using static Tracking.Functional.Tests.Certificates.AcmeUnderTest;

namespace Tracking.Functional.Tests.Certificates;

/// <summary>Accounts: registration, search, external binding, key change and loss.</summary>
public sealed class AcmeAccountTests : IAsyncLifetime
{
    private readonly TestAuthority _authority = new();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => await _authority.StartAsync();

    public ValueTask DisposeAsync() => _authority.DisposeAsync();

    [Fact]
    public async Task A_key_has_one_account_and_finds_it_again()
    {
        using var acme = Of(_authority, changeAll: options => options.Contact = "admin@example.com");

        var unknown = await acme.Client.FindAccountAsync(acme.Key, Cancelled);
        var made = await acme.RegisterAsync();
        var again = await acme.RegisterAsync();
        var found = Value(await acme.Client.FindAccountAsync(acme.Key, Cancelled));

        Assert.Equal(AcmeProblemType.AccountDoesNotExist, unknown.Problem?.Type);
        Assert.Equal(made.Url, again.Url);
        Assert.Equal(made.Url, found.Url);
        Assert.True(Value(await acme.Client.ReadAccountAsync(made, Cancelled)).IsValid);
        Assert.Equal(1, _authority.Accounts);
    }

    [Fact]
    public async Task Terms_are_accepted_by_configuration_only()
    {
        _authority.TermsOfService = "https://authority.example/terms/v7";
        using var acme = Of(_authority, changeAll: options => options.AcceptTermsOfService = false);

        var outcome = await acme.Client.RegisterAsync(acme.Key, Cancelled);

        Assert.Equal(AcmeProblemType.TermsNotAccepted, outcome.Problem?.Type);
        Assert.Equal(_authority.TermsOfService, outcome.Problem?.TermsOfService?.AbsoluteUri);
        Assert.Equal(0, _authority.Count("new-account"));
        acme.Options.AcceptTermsOfService = true;
        await acme.RegisterAsync();
    }

    [Fact]
    public async Task Terms_that_have_changed_are_named_with_where_to_accept_them()
    {
        using var acme = Of(_authority);
        var account = await acme.RegisterAsync();
        _authority.Script("new-order", new RefusalException(403, "userActionRequired", "Terms of service have changed")
        {
            Instance = "https://authority.example/agree",
            Headers = new Dictionary<string, string>
            {
                ["Link"] = "<https://authority.example/terms/v8>;rel=\"terms-of-service\"",
            },
        });

        var outcome = await acme.Client.NewOrderAsync(account, [Name("a.example")], replaces: null, Cancelled);

        Assert.Equal(
            (AcmeProblemType.UserActionRequired, "https://authority.example/terms/v8", "https://authority.example/agree"),
            (outcome.Problem!.Type, outcome.Problem.TermsOfService?.AbsoluteUri,
                outcome.Problem.Instance?.AbsoluteUri));
        Assert.Equal(1, _authority.Count("new-order"));
    }

    [Fact]
    public async Task An_external_account_is_bound_by_the_right_key_alone()
    {
        var key = RandomNumberGenerator.GetBytes(32);
        _authority.ExternalAccounts["kid-1"] = key;
        async Task<AcmeOutcome<AcmeAccount>> RegisterAsync(string? keyId, byte[]? macKey)
        {
            using var acme = Of(_authority, settings =>
            {
                settings.EabKeyId = keyId;
                settings.EabKey = macKey is null ? null : Base64Url.EncodeToString(macKey);
            });
            return await acme.Client.RegisterAsync(acme.Key, Cancelled);
        }

        var missing = await RegisterAsync(null, null);
        Assert.Equal(AcmeProblemType.ExternalAccountRequired, missing.Problem?.Type);
        Assert.Equal(0, _authority.Count("new-account"));
        Assert.Equal(AcmeProblemType.Unauthorized, (await RegisterAsync("kid-2", key)).Problem?.Type);
        Assert.Equal(AcmeProblemType.Unauthorized, (await RegisterAsync("kid-1", new byte[32])).Problem?.Type);
        Assert.NotNull((await RegisterAsync("kid-1", key)).Value);
        Assert.Equal(1, _authority.Accounts);
    }

    [Fact]
    public async Task A_key_change_keeps_the_account_and_the_old_key_is_nobodys()
    {
        using var acme = Of(_authority);
        using var newKey = AccountKey.Create();
        var account = await acme.RegisterAsync();

        var changed = Value(await acme.Client.ChangeKeyAsync(account, newKey, Cancelled));

        Assert.Equal(account.Url, changed.Url);
        await acme.IssueAsync(changed, "a.example");
        Assert.NotNull((await acme.Client.ReadAccountAsync(account, Cancelled)).Problem);
        Assert.Equal(
            AcmeProblemType.AccountDoesNotExist,
            (await acme.Client.FindAccountAsync(acme.Key, Cancelled)).Problem?.Type);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task After_a_key_change_without_an_answer_a_look_at_the_account_tells_which_key_counts(bool wasDone)
    {
        using var acme = Of(_authority);
        using var newKey = AccountKey.Create();
        var account = await acme.RegisterAsync();
        if (wasDone)
        {
            _authority.LoseAnswer("key-change");
        }
        else
        {
            _authority.Script("key-change", context =>
            {
                context.Abort();
                return Task.CompletedTask;
            });
        }

        Assert.NotNull((await acme.Client.ChangeKeyAsync(account, newKey, Cancelled)).Problem);

        var byOld = await acme.Client.ReadAccountAsync(account, Cancelled);
        var byNew = await acme.Client.ReadAccountAsync(account with { Key = newKey }, Cancelled);
        Assert.Equal((!wasDone, wasDone), (byOld.Value is not null, byNew.Value is not null));
    }

    [Fact]
    public async Task A_key_that_another_account_has_is_a_conflict()
    {
        using var acme = Of(_authority);
        using var other = Of(_authority);
        var account = await acme.RegisterAsync();
        await other.RegisterAsync();

        var outcome = await acme.Client.ChangeKeyAsync(account, other.Key, Cancelled);

        Assert.Equal((AcmeProblemType.Conflict, 409), (outcome.Problem!.Type, outcome.Problem.Status));
    }

    [Fact]
    public async Task A_deactivated_account_may_do_nothing_and_is_not_made_anew()
    {
        using var acme = Of(_authority);
        var account = await acme.RegisterAsync();
        _authority.DeactivateAccounts();

        var order = await acme.Client.NewOrderAsync(account, [Name("a.example")], replaces: null, Cancelled);
        var again = await acme.Client.RegisterAsync(acme.Key, Cancelled);

        Assert.Equal(AcmeProblemType.Unauthorized, order.Problem?.Type);
        Assert.Equal(AcmeProblemType.Unauthorized, again.Problem?.Type);
        Assert.Equal(1, _authority.Accounts);
    }

    [Fact]
    public async Task An_account_that_the_authority_has_forgotten_is_told_and_can_be_made_again()
    {
        using var acme = Of(_authority);
        var account = await acme.RegisterAsync();
        _authority.ForgetAccounts();

        var order = await acme.Client.NewOrderAsync(account, [Name("a.example")], replaces: null, Cancelled);

        Assert.Equal(AcmeProblemType.AccountDoesNotExist, order.Problem?.Type);
        await acme.IssueAsync(await acme.RegisterAsync(), "a.example");
    }

    [Fact]
    public async Task An_account_can_be_deactivated()
    {
        using var acme = Of(_authority);
        var account = await acme.RegisterAsync();

        Assert.False(Value(await acme.Client.DeactivateAccountAsync(account, Cancelled)).IsValid);
        Assert.NotNull((await acme.Client.ReadAccountAsync(account, Cancelled)).Problem);
    }
}
