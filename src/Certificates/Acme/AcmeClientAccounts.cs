using System.Text.Json;
namespace Tracking.Certificates.Acme;

/// <summary>The state of an account at the authority.</summary>
/// <param name="Url">The account's URL.</param>
/// <param name="IsValid">Whether the account can order. A deactivated or revoked account can never order again.</param>
public sealed record AccountState(Uri Url, bool IsValid);

public sealed partial class AcmeClient
{
    /// <summary>Registers an account with this key, or finds the account that has the key. Only the configuration
    /// accepts terms of service. If the authority has terms and the configuration does not accept them, no request is
    /// sent.</summary>
    public Task<AcmeOutcome<AcmeAccount>> RegisterAsync(AccountKey key, CancellationToken cancellationToken) =>
        NewAccountAsync(key, onlyExisting: false, cancellationToken);

    /// <summary>Finds the account with this key. Without one the problem is
    /// <see cref="AcmeProblemType.AccountDoesNotExist"/>.</summary>
    public Task<AcmeOutcome<AcmeAccount>> FindAccountAsync(AccountKey key, CancellationToken cancellationToken) =>
        NewAccountAsync(key, onlyExisting: true, cancellationToken);

    /// <summary>Reads the account. A value proves that the authority accepts this key for the account. After a key
    /// change whose answer was lost, this shows which of the two keys is in force.</summary>
    public async Task<AcmeOutcome<AccountState>> ReadAccountAsync(
        AcmeAccount account, CancellationToken cancellationToken) =>
        (await PostAsync(account, account.Url, [], cancellationToken))
            .Then(answer => answer.Read(AcmeJson.Default.AccountJson))
            .Then<AccountState>(json => new AccountState(account.Url, json.Status is "valid"));

    /// <summary>Changes the account's key (RFC 8555 §7.3.5). The caller has stored both keys before, and keeps both
    /// until <see cref="ReadAccountAsync"/> has proved one of them.</summary>
    public async Task<AcmeOutcome<AcmeAccount>> ChangeKeyAsync(
        AcmeAccount account, AccountKey newKey, CancellationToken cancellationToken)
    {
        if (!(await ReadDirectoryAsync(cancellationToken)).Succeeded(out var directory, out var problem))
        {
            return problem;
        }

        if (directory.KeyChange is not { } url)
        {
            return NotOffered("key changes");
        }

        var change = JsonSerializer.SerializeToUtf8Bytes(
            new KeyChangeJson(account.Url.AbsoluteUri, account.Key.Jwk), AcmeJson.Default.KeyChangeJson);
        var inner = JsonSerializer.SerializeToUtf8Bytes(
            SignRequest.InnerByKey(newKey, url, nonce: null, change), AcmeJson.Default.JwsJson);
        return (await PostAsync(account, url, inner, cancellationToken))
            .Then<AcmeAccount>(_ => new AcmeAccount(newKey, account.Url));
    }

    /// <summary>Deactivates the account. This cannot be undone.</summary>
    public async Task<AcmeOutcome<AccountState>> DeactivateAccountAsync(
        AcmeAccount account, CancellationToken cancellationToken) =>
        (await PostAsync(account, account.Url, Deactivated(), cancellationToken))
            .Then<AccountState>(_ => new AccountState(account.Url, IsValid: false));

    private async Task<AcmeOutcome<AcmeAccount>> NewAccountAsync(
        AccountKey key, bool onlyExisting, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (!(await ReadDirectoryAsync(cancellationToken)).Succeeded(out var directory, out var problem))
        {
            return problem;
        }

        if (!onlyExisting && directory.TermsOfService is { } terms && !_options.AcceptTermsOfService)
        {
            return new AcmeProblem(
                AcmeProblemType.TermsNotAccepted,
                $"The certificate authority has terms of service ({terms}); "
                + "Tracking__Certificates__AcceptTermsOfService accepts them.")
            {
                TermsOfService = terms,
            };
        }

        var binding = onlyExisting || _authority.ReadEabKey() is not { } macKey
            ? null
            : SignRequest.Binding(key, directory.NewAccount, _authority.EabKeyId!, macKey);
        if (binding is null && !onlyExisting && directory.IsExternalAccountRequired)
        {
            return new AcmeProblem(
                AcmeProblemType.ExternalAccountRequired,
                $"{_authority.Directory} needs an external account binding; EabKeyId and EabKey of the authority "
                + "are not set.");
        }

        var payload = JsonSerializer.SerializeToUtf8Bytes(
            onlyExisting
                ? new NewAccountJson(null, null, true, null)
                : new NewAccountJson(
                    _options.Contact is { Length: > 0 } mail ? [$"mailto:{mail}"] : null,
                    _options.AcceptTermsOfService ? true : null,
                    null,
                    binding),
            AcmeJson.Default.NewAccountJson);
        var answer = await _transport.PostAsync(
            directory.NewAccount,
            directory.NewNonce,
            nonce => SignRequest.ByKey(key, directory.NewAccount, nonce, payload),
            cancellationToken);
        return answer
            .Then(got => _transport.Resolve(got, got.Location, "account (Location)"))
            .Then<AcmeAccount>(url => new AcmeAccount(key, url));
    }
}
