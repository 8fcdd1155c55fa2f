using System.Security.Cryptography;
using Npgsql;
using Tracking.Certificates.Acme;
using Tracking.Tls.Stored;

namespace Tracking.Certificates.Accounts;

// The change of an account's key (RFC 8555 §7.3.5), and the replacement of a closed account.
internal sealed partial class OpenAccounts
{
    private const string KeepNewKey =
        """
        UPDATE certificates.accounts SET new_sealed_key = coalesce(new_sealed_key, $3),
            new_thumbprint = coalesce(new_thumbprint, $4)
        WHERE directory = $1 AND thumbprint = $2
        RETURNING new_sealed_key
        """;

    private const string UseNewKey =
        """
        UPDATE certificates.accounts SET sealed_key = new_sealed_key, thumbprint = new_thumbprint,
            new_sealed_key = NULL, new_thumbprint = NULL, key_changed_at = $3
        WHERE directory = $1 AND new_thumbprint = $2
        """;

    private const string DropNewKey =
        """
        UPDATE certificates.accounts SET new_sealed_key = NULL, new_thumbprint = NULL
        WHERE directory = $1 AND new_thumbprint = $2
        """;

    private const string SelectId = "SELECT id FROM certificates.accounts WHERE directory = $1";

    private const string Replace =
        """
        UPDATE certificates.accounts SET id = $2, sealed_key = $3, thumbprint = $4, url = NULL, refused = NULL,
            new_sealed_key = NULL, new_thumbprint = NULL, key_changed_at = $5
        WHERE directory = $1 AND refused IS NOT NULL
        """;

    private const string SelectThumbprint = "SELECT thumbprint FROM certificates.accounts WHERE directory = $1";

    /// <summary>Gives the account at an authority another key. The new key is stored before it is sent to the
    /// authority. Both keys are kept until the authority has accepted one of them, so a lost answer never loses the
    /// account. The account's URL stays the same.</summary>
    /// <exception cref="NpgsqlException">The database is away. The next call continues with the same new
    /// key.</exception>
    public async Task<AcmeOutcome<OpenAuthority>> ChangeKeyAsync(
        AuthoritySettings authority, CancellationToken cancellationToken)
    {
        if (!(await OpenAsync(authority, cancellationToken)).Succeeded(out var open, out var closed))
        {
            return closed;
        }

        await _opening.WaitAsync(cancellationToken);
        try
        {
            if (await NewKeyAsync(open, cancellationToken) is not { } newKey)
            {
                _accounts.TryRemove(authority.Directory, out _);
                return new AcmeProblem(AcmeProblemType.Conflict, "Another process has changed the key meanwhile.");
            }

            var changed = await open.Client.ChangeKeyAsync(open.Account, newKey, cancellationToken);
            if (changed.Problem is { } problem)
            {
                // The authority may have changed the key although its answer was lost. Only the account's current key
                // can read the account.
                var state = await open.Client.ReadAccountAsync(
                    new AcmeAccount(newKey, open.Account.Url), cancellationToken);
                if (state.Value is not { IsValid: true })
                {
                    if (problem.Type is AcmeProblemType.Conflict or AcmeProblemType.BadPublicKey)
                    {
                        await ExecuteAsync(DropNewKey, cancellationToken, authority.Directory, newKey.Thumbprint);
                    }

                    return problem;
                }
            }

            return _accounts[authority.Directory] = await UseAsync(open, newKey, cancellationToken);
        }
        finally
        {
            _opening.Release();
        }
    }

    /// <summary>Replaces an account that the authority has closed. An account that is not closed stays as it
    /// is.</summary>
    /// <returns>Whether the account was closed and has been replaced.</returns>
    public async Task<bool> ReplaceClosedAsync(AuthoritySettings authority, CancellationToken cancellationToken)
    {
        using var key = AccountKey.Create();
        var id = Guid.CreateVersion7(time.GetUtcNow());
        await using var command = dataSource.CreateCommand(Replace);
        command.Parameters.Add(new() { Value = authority.Directory });
        command.Parameters.Add(new() { Value = id });
        command.Parameters.Add(new() { Value = Sealed(id, key) });
        command.Parameters.Add(new() { Value = key.Thumbprint });
        command.Parameters.Add(new() { Value = time.GetUtcNow().UtcDateTime });
        var isReplaced = await command.ExecuteNonQueryAsync(cancellationToken) == 1;
        if (isReplaced)
        {
            _accounts.TryRemove(authority.Directory, out _);
        }

        return isReplaced;
    }

    /// <summary>Whether this or another process has changed the account's key since work on a name began.</summary>
    public async Task<bool> HasChangedAsync(
        string directory, DateTimeOffset since, CancellationToken cancellationToken) =>
        await ReviseAsync(directory, cancellationToken)
        || (_accounts.TryGetValue(directory, out var open) && open.KeyChangedAt >= since);

    /// <summary>Removes an account from memory if another process has changed its key or replaced the
    /// account.</summary>
    /// <returns>Whether the account was removed. Then a request that the authority refused may be sent again.</returns>
    public async Task<bool> ReviseAsync(string directory, CancellationToken cancellationToken)
    {
        if (!_accounts.TryGetValue(directory, out var open))
        {
            return false;
        }

        await using var command = dataSource.CreateCommand(SelectThumbprint);
        command.Parameters.Add(new() { Value = directory });
        return await command.ExecuteScalarAsync(cancellationToken) as string != open.Account.Key.Thumbprint
            && _accounts.TryRemove(new KeyValuePair<string, OpenAuthority>(directory, open));
    }

    // Decides after an unfinished key change which key is in force. The new key is in force if it can read the account.
    // Otherwise the old key is in force, and the new key stays stored for the next change, because the request with it
    // may still be on its way to the authority.
    private async Task<OpenAuthority> ProveAsync(
        AuthoritySettings authority, AcmeClient client, Uri url, AccountRow row, CancellationToken cancellationToken)
    {
        var open = new OpenAuthority(authority, client, new AcmeAccount(row.Key, url), row.KeyChangedAt);
        return row.NewKey is { } newKey
            && (await client.ReadAccountAsync(new AcmeAccount(newKey, url), cancellationToken)).Value
                is { IsValid: true }
                ? await UseAsync(open, newKey, cancellationToken)
                : open;
    }

    private async Task<OpenAuthority> UseAsync(
        OpenAuthority open, AccountKey newKey, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        await using var command = dataSource.CreateCommand(UseNewKey);
        command.Parameters.Add(new() { Value = open.Settings.Directory });
        command.Parameters.Add(new() { Value = newKey.Thumbprint });
        command.Parameters.Add(new() { Value = now.UtcDateTime });
        await command.ExecuteNonQueryAsync(cancellationToken);
        LogKeyChanged(open.Settings.Directory, open.Account.Url);
        return open with { Account = new AcmeAccount(newKey, open.Account.Url), KeyChangedAt = now };
    }

    // Returns the new key of an earlier attempt if there is one, because the authority may have received that key.
    private async Task<AccountKey?> NewKeyAsync(OpenAuthority open, CancellationToken cancellationToken)
    {
        await using var find = dataSource.CreateCommand(SelectId);
        find.Parameters.Add(new() { Value = open.Settings.Directory });
        if (await find.ExecuteScalarAsync(cancellationToken) is not Guid id)
        {
            return null;
        }

        using var made = AccountKey.Create();
        await using var keep = dataSource.CreateCommand(KeepNewKey);
        keep.Parameters.Add(new() { Value = open.Settings.Directory });
        keep.Parameters.Add(new() { Value = open.Account.Key.Thumbprint });
        keep.Parameters.Add(new() { Value = Sealed(id, made) });
        keep.Parameters.Add(new() { Value = made.Thumbprint });
        return await keep.ExecuteScalarAsync(cancellationToken) is byte[] kept
            ? OpenKey(id, kept, open.Settings.Directory)
            : null;
    }

    private byte[] Sealed(Guid id, AccountKey key)
    {
        var pkcs8 = key.ExportPkcs8();
        try
        {
            return SealedKey.Seal(masterKeys, id, pkcs8);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(pkcs8);
        }
    }

    [LoggerMessage(LogLevel.Information, "The account {Url} at {Authority} has another key")]
    private partial void LogKeyChanged(string authority, Uri url);
}
