using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Certificates.Acme;
using Tracking.Tls.Stored;

namespace Tracking.Certificates.Accounts;

/// <summary>A certificate authority, and our account there.</summary>
/// <param name="Settings">The authority.</param>
/// <param name="Client">The client for requests to the authority.</param>
/// <param name="Account">The account.</param>
/// <param name="KeyChangedAt">When the account's key was last changed; <see langword="null"/> while the account has its
/// first key.</param>
internal sealed record OpenAuthority(
    AuthoritySettings Settings, AcmeClient Client, AcmeAccount Account, DateTimeOffset? KeyChangedAt);

/// <summary>
/// Opens the accounts at the configured authorities. All processes share one account at each authority. The account's
/// key is stored before it is sent, so a lost answer never leaves an account whose key nobody has.
/// </summary>
internal sealed partial class OpenAccounts(
    NpgsqlDataSource dataSource,
    MasterKeys masterKeys,
    IOptions<CertificateOptions> options,
    TimeProvider time,
    ILoggerFactory loggers,
    ILogger<OpenAccounts> logger) : IDisposable
{
    private const string Insert =
        """
        INSERT INTO certificates.accounts (id, directory, sealed_key, thumbprint, rank, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (directory) DO UPDATE SET rank = excluded.rank
        """;

    private const string Select =
        """
        SELECT id, url, sealed_key, refused::text, new_sealed_key, key_changed_at FROM certificates.accounts
        WHERE directory = $1
        """;

    // Accounts at test environments rank behind all others, because gateways answer unknown challenges with the
    // thumbprint of the first account.
    private const int TestRank = 1_000;

    private const string KeepUrl = "UPDATE certificates.accounts SET url = $2, refused = NULL WHERE directory = $1";

    // The condition on the URL limits the refusal to this account: an operator may have replaced the account meanwhile.
    private const string KeepRefusal =
        "UPDATE certificates.accounts SET refused = $2::jsonb WHERE directory = $1 AND url = $3";

    private const string ForgetUrl = "UPDATE certificates.accounts SET url = NULL WHERE directory = $1 AND url = $2";

    private readonly ConcurrentDictionary<string, AcmeClient> _clients = new();
    private readonly ConcurrentDictionary<string, OpenAuthority> _accounts = new();
    private readonly SemaphoreSlim _opening = new(1, 1);

    /// <summary>The configured authority with this directory; <see langword="null"/> if it is no longer
    /// configured.</summary>
    public AuthoritySettings? Find(string directory) =>
        options.Value.Authorities.FirstOrDefault(authority => authority.Directory == directory);

    /// <summary>The client of an authority.</summary>
    public AcmeClient Client(AuthoritySettings authority) => _clients.GetOrAdd(
        authority.Directory,
        _ => new AcmeClient(authority, options.Value, time, loggers.CreateLogger<AcmeClient>()));

    /// <summary>Opens the account at an authority. An account that does not exist yet is registered.</summary>
    /// <exception cref="NpgsqlException">The database is away.</exception>
    /// <exception cref="CryptographicException">The account's key was sealed under another master key.</exception>
    public async Task<AcmeOutcome<OpenAuthority>> OpenAsync(
        AuthoritySettings authority, CancellationToken cancellationToken)
    {
        var client = Client(authority);
        if (_accounts.TryGetValue(authority.Directory, out var open))
        {
            return open;
        }

        await _opening.WaitAsync(cancellationToken);
        try
        {
            var row = await ReadAsync(authority, cancellationToken);
            if (row.Refused is { } refused)
            {
                return new AcmeProblem(AcmeProblemType.Unauthorized, refused);
            }

            var url = row.Url;
            if (url is null)
            {
                if (!(await client.RegisterAsync(row.Key, cancellationToken)).Succeeded(out var made, out var problem))
                {
                    return problem;
                }

                url = made.Url;
                await ExecuteAsync(KeepUrl, cancellationToken, authority.Directory, url.AbsoluteUri);
                LogRegistered(authority.Directory, url);
            }

            return _accounts.GetOrAdd(
                authority.Directory, await ProveAsync(authority, client, url, row, cancellationToken));
        }
        finally
        {
            _opening.Release();
        }
    }

    /// <summary>Forgets the URL of an account that the authority does not know any more. The next order registers the
    /// account again with the same key.</summary>
    public async Task ForgetAsync(string directory, CancellationToken cancellationToken)
    {
        if (_accounts.TryRemove(directory, out var account))
        {
            await ExecuteAsync(ForgetUrl, cancellationToken, directory, account.Account.Url.AbsoluteUri);
        }
    }

    /// <summary>Checks the account after the authority has refused a request. If the authority has deactivated the
    /// account, nothing is ordered there until an operator acts. After any other refusal, such as for another account's
    /// order, the account stays in use.</summary>
    public async Task RefuseWhereClosedAsync(
        string directory, AcmeProblem problem, CancellationToken cancellationToken)
    {
        if (!_accounts.TryGetValue(directory, out var account) || Find(directory) is not { } authority)
        {
            return;
        }

        var state = await Client(authority).ReadAccountAsync(account.Account, cancellationToken);
        if (state.Value is { IsValid: true } || state.Problem is { Type: not AcmeProblemType.Unauthorized })
        {
            return;
        }

        if (_accounts.TryRemove(new KeyValuePair<string, OpenAuthority>(directory, account)))
        {
            LogRefused(directory, problem);
            await ExecuteAsync(
                KeepRefusal, cancellationToken, directory, JsonSerializer.Serialize(problem.ToString()),
                account.Account.Url.AbsoluteUri);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var client in _clients.Values)
        {
            client.Dispose();
        }

        _opening.Dispose();
    }

    private async Task<AccountRow> ReadAsync(
        AuthoritySettings authority, CancellationToken cancellationToken)
    {
        for (var attempt = 0; ; attempt++)
        {
            await using (var command = dataSource.CreateCommand(Select))
            {
                command.Parameters.Add(new() { Value = authority.Directory });
                await using var reader = await command.ExecuteReaderAsync(cancellationToken);
                if (await reader.ReadAsync(cancellationToken))
                {
                    var id = reader.GetGuid(0);
                    return new AccountRow(
                        OpenKey(id, reader.GetFieldValue<byte[]>(2), authority.Directory),
                        reader.IsDBNull(1) ? null : new Uri(reader.GetString(1)),
                        reader.IsDBNull(3) ? null : JsonSerializer.Deserialize<string>(reader.GetString(3)),
                        reader.IsDBNull(4)
                            ? null : OpenKey(id, reader.GetFieldValue<byte[]>(4), authority.Directory),
                        reader.IsDBNull(5) ? null : reader.GetFieldValue<DateTimeOffset>(5));
                }
            }

            if (attempt > 0)
            {
                throw new InvalidOperationException(
                    $"The account at {authority.Directory} was deleted while it was being opened.");
            }

            await MakeAsync(authority, cancellationToken);
        }
    }

    private AccountKey OpenKey(Guid id, byte[] sealedKey, string directory)
    {
        var pkcs8 = SealedKey.Open(masterKeys, id, sealedKey) ?? throw new CryptographicException(
            $"The key of the account at {directory} cannot be opened: it was sealed under another master key.");
        try
        {
            return AccountKey.FromPkcs8(pkcs8);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(pkcs8);
        }
    }

    private async Task MakeAsync(AuthoritySettings authority, CancellationToken cancellationToken)
    {
        using var key = AccountKey.Create();
        var id = Guid.CreateVersion7(time.GetUtcNow());
        var place = options.Value.Authorities.IndexOf(authority);
        await using var command = dataSource.CreateCommand(Insert);
        command.Parameters.Add(new() { Value = id });
        command.Parameters.Add(new() { Value = authority.Directory });
        command.Parameters.Add(new() { Value = Sealed(id, key) });
        command.Parameters.Add(new() { Value = key.Thumbprint });
        command.Parameters.Add(new() { Value = place < 0 ? TestRank : place });
        command.Parameters.Add(new() { Value = time.GetUtcNow().UtcDateTime });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task ExecuteAsync(string sql, CancellationToken cancellationToken, params string[] values)
    {
        await using var command = dataSource.CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(new() { Value = value });
        }

        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    [LoggerMessage(LogLevel.Information, "The account at {Authority} is registered: {Url}")]
    private partial void LogRegistered(string authority, Uri url);

    [LoggerMessage(LogLevel.Critical,
        "{Authority} does not accept our account any more: {Problem}. No certificate is ordered there until "
        + "trackctl certificates register makes another (docs/certificates.md)")]
    private partial void LogRefused(string authority, AcmeProblem problem);

    /// <param name="Key">The key.</param>
    /// <param name="Url">The account's URL; <see langword="null"/> until the authority has answered.</param>
    /// <param name="Refused">Why the authority takes no orders from it.</param>
    /// <param name="NewKey">The new key of an unfinished change: the authority may or may not have accepted it.</param>
    /// <param name="KeyChangedAt">When the account's key was last changed.</param>
    private sealed record AccountRow(
        AccountKey Key, Uri? Url, string? Refused, AccountKey? NewKey, DateTimeOffset? KeyChangedAt);
}
