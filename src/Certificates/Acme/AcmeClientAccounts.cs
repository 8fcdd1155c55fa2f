using System.Text.Json;
namespace Tracking.Certificates.Acme;

/// <summary>What an account is to the authority.</summary>
/// <param name="Url">Its URL.</param>
/// <param name="IsValid">Whether it can order. Deactivated and revoked accounts cannot, for good.</param>
public sealed record AccountState(Uri Url, bool IsValid);

public sealed partial class AcmeClient
{
    /// <summary>Makes an account with this key, or finds the one that has it. The terms of service are accepted by
    /// configuration only: without it nothing is sent where there are terms.</summary>
    public Task<AcmeOutcome<AcmeAccount>> RegisterAsync(AccountKey key, CancellationToken cancellationToken) =>
        NewAccountAsync(key, onlyExisting: false, cancellationToken);

    /// <summary>Finds the account that has this key; <see cref="AcmeProblemType.AccountDoesNotExist"/> when none
    /// has.</summary>
    public Task<AcmeOutcome<AcmeAccount>> FindAccountAsync(AccountKey key, CancellationToken cancellationToken) =>
        NewAccountAsync(key, onlyExisting: true, cancellationToken);

    /// <summary>Looks at the account. A value proves that the authority takes this key for it: after a key change whose
    /// answer was lost, that tells which of both keys counts.</summary>
    public async Task<AcmeOutcome<AccountState>> ReadAccountAsync(
        AcmeAccount account, CancellationToken cancellationToken) =>
        (await PostAsync(account, account.Url, [], cancellationToken))
            .Then(answer => answer.Read(AcmeJson.Default.AccountJson))
            .Then<AccountState>(json => new AccountState(account.Url, json.Status is "valid"));

    /// <summary>Changes the account's key (RFC 8555 §7.3.5). Both keys must be stored before, and kept until
    /// <see cref="ReadAccountAsync"/> has proved one.</summary>
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

    /// <summary>Deactivates the account, for good.</summary>
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
