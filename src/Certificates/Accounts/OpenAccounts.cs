using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Certificates.Acme;
using Tracking.Tls.Stored;

namespace Tracking.Certificates.Accounts;

/// <summary>An authority with the account that orders there.</summary>
/// <param name="Settings">The authority.</param>
/// <param name="Client">Talks to it.</param>
/// <param name="Account">The account.</param>
internal sealed record OpenAuthority(AuthoritySettings Settings, AcmeClient Client, AcmeAccount Account);

/// <summary>
/// One account at each configured authority, for all processes: the key is made once and stored before the authority
/// hears of it, so an answer that is lost leaves no account that nobody can use.
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
        "SELECT id, url, sealed_key, refused::text FROM certificates.accounts WHERE directory = $1";

    private const string KeepUrl = "UPDATE certificates.accounts SET url = $2, refused = NULL WHERE directory = $1";

    private const string KeepRefusal = "UPDATE certificates.accounts SET refused = $2::jsonb WHERE directory = $1";

    private readonly ConcurrentDictionary<string, AcmeClient> _clients = new();
    private readonly ConcurrentDictionary<string, AcmeAccount> _accounts = new();
    private readonly SemaphoreSlim _opening = new(1, 1);

    /// <summary>The configured authority of a directory; <see langword="null"/> when it is configured no
    /// longer.</summary>
    public AuthoritySettings? Find(string directory) =>
        options.Value.Authorities.FirstOrDefault(authority => authority.Directory == directory);

    /// <summary>The client of an authority.</summary>
    public AcmeClient Client(AuthoritySettings authority) => _clients.GetOrAdd(
        authority.Directory,
        _ => new AcmeClient(authority, options.Value, time, loggers.CreateLogger<AcmeClient>()));

    /// <summary>Opens the account at an authority, and makes it where there is none.</summary>
    /// <exception cref="NpgsqlException">The database is away.</exception>
    /// <exception cref="CryptographicException">The key cannot be opened: another master key.</exception>
    public async Task<AcmeOutcome<OpenAuthority>> OpenAsync(
        AuthoritySettings authority, CancellationToken cancellationToken)
    {
        var client = Client(authority);
        if (_accounts.TryGetValue(authority.Directory, out var open))
        {
            return new OpenAuthority(authority, client, open);
        }

        await _opening.WaitAsync(cancellationToken);
        try
        {
            var (key, url, refused) = await ReadAsync(authority, cancellationToken);
            if (refused is not null)
            {
                return new AcmeProblem(AcmeProblemType.Unauthorized, refused);
            }

            if (url is null)
            {
                if (!(await client.RegisterAsync(key, cancellationToken)).Succeeded(out var made, out var problem))
                {
                    return problem;
                }

                url = made.Url;
                await ExecuteAsync(KeepUrl, authority.Directory, url.AbsoluteUri, cancellationToken);
                LogRegistered(authority.Directory, url);
            }

            var account = _accounts.GetOrAdd(authority.Directory, new AcmeAccount(key, url));
            return new OpenAuthority(authority, client, account);
        }
        finally
        {
            _opening.Release();
        }
    }

    /// <summary>The authority does not know the account any more: it is made again, with the same key, at the next
    /// order.</summary>
    public async Task ForgetAsync(string directory, CancellationToken cancellationToken)
    {
        _accounts.TryRemove(directory, out _);
        await ExecuteAsync(
            "UPDATE certificates.accounts SET url = NULL WHERE directory = $1 AND $2::text IS NULL", directory, null,
            cancellationToken);
    }

    /// <summary>The authority has deactivated the account: nothing is ordered there until a person acts.</summary>
    public async Task RefuseAsync(string directory, AcmeProblem problem, CancellationToken cancellationToken)
    {
        _accounts.TryRemove(directory, out _);
        LogRefused(directory, problem);
        await ExecuteAsync(
            KeepRefusal, directory, JsonSerializer.Serialize(problem.ToString()), cancellationToken);
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

    private async Task<(AccountKey Key, Uri? Url, string? Refused)> ReadAsync(
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
                    return (
                        OpenKey(reader.GetGuid(0), reader.GetFieldValue<byte[]>(2), authority.Directory),
                        reader.IsDBNull(1) ? null : new Uri(reader.GetString(1)),
                        reader.IsDBNull(3) ? null : JsonSerializer.Deserialize<string>(reader.GetString(3)));
                }
            }

            if (attempt > 0)
            {
                throw new InvalidOperationException($"The account of {authority.Directory} is gone again.");
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
        var pkcs8 = key.ExportPkcs8();
        try
        {
            await using var command = dataSource.CreateCommand(Insert);
            command.Parameters.Add(new() { Value = id });
            command.Parameters.Add(new() { Value = authority.Directory });
            command.Parameters.Add(new() { Value = SealedKey.Seal(masterKeys, id, pkcs8) });
            command.Parameters.Add(new() { Value = key.Thumbprint });
            command.Parameters.Add(new() { Value = options.Value.Authorities.IndexOf(authority) });
            command.Parameters.Add(new() { Value = time.GetUtcNow().UtcDateTime });
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(pkcs8);
        }
    }

    private async Task ExecuteAsync(
        string sql, string directory, string? value, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(sql);
        command.Parameters.Add(new() { Value = directory });
        command.Parameters.Add(new NpgsqlParameter<string?> { TypedValue = value });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    [LoggerMessage(LogLevel.Information, "There is an account at {Authority}: {Url}")]
    private partial void LogRegistered(string authority, Uri url);

    [LoggerMessage(LogLevel.Critical,
        "{Authority} does not accept our account any more: {Problem}. No certificate is ordered there until "
        + "trackctl certificates register makes a new account")]
    private partial void LogRefused(string authority, AcmeProblem problem);
}
