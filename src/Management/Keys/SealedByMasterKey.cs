using System.Xml.Linq;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;
using Tracking.Api;
using Tracking.Database;
using Tracking.Links;
using Tracking.Management.Console.Session;
using Tracking.Management.OpenApi;

namespace Tracking.Management.Keys;

/// <summary>The numbers of keys that are sealed under each version of the master key.</summary>
/// <param name="Version">The version with which keys are sealed.</param>
/// <param name="OtherVersion">The other version of a rotation, which only opens; null if there is none.</param>
/// <param name="OtherIsNeeded">Whether a key is still sealed under the other version; null if there is none.</param>
/// <param name="Items">The number of keys of each kind and each version.</param>
/// <param name="Sentence">The same for people, with the next step.</param>
internal sealed record MasterKeyResponse(
    int Version, int? OtherVersion, bool? OtherIsNeeded, IReadOnlyList<SealedKeys> Items, string Sentence);

/// <summary>Keys that are sealed under a version of the master key.</summary>
/// <param name="Kind">signing-keys, session-keys, certificates, accounts or orders.</param>
/// <param name="Version">The version; 0 if it is none of the configured versions.</param>
/// <param name="Keys">The number of keys.</param>
internal sealed record SealedKeys(string Kind, int Version, long Keys);

/// <summary><c>GET /api/v1/master-key</c>: the progress of a rotation. The keys themselves are never shown.</summary>
internal static class SealedByMasterKey
{
    public static void Map(IEndpointRouteBuilder masterKey) => masterKey.MapGet("/", HandleAsync)
        .RequireAdmin()
        .Describe("GetMasterKey", "Says how many keys are sealed under which version of the master key, and whether the "
            + "other version of a rotation is still needed.");

    /// <summary>The signing keys as they are stored.</summary>
    public static async Task<List<(int Version, byte[] Sealed)>> SigningKeysAsync(
        ApiDataSource dataSource, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand("SELECT version, sealed FROM links.signing_keys");
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var all = new List<(int, byte[])>();
        while (await reader.ReadAsync(cancellationToken))
        {
            all.Add((reader.GetInt32(0), reader.GetFieldValue<byte[]>(1)));
        }

        return all;
    }

    /// <summary>The keys of the console's sessions as they are stored.</summary>
    public static async Task<List<(long Id, string Xml)>> SessionKeysAsync(
        ApiDataSource dataSource, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand("SELECT id, xml FROM management.data_protection_keys");
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var all = new List<(long, string)>();
        while (await reader.ReadAsync(cancellationToken))
        {
            all.Add((reader.GetInt64(0), reader.GetString(1)));
        }

        return all;
    }

    private static async Task<Ok<MasterKeyResponse>> HandleAsync(
        ApiDataSource dataSource,
        MasterKey masterKey,
        IOptions<SystemOptions> system,
        CancellationToken cancellationToken)
    {
        var (version, other) = (system.Value.MasterKeyVersion, system.Value.OtherMasterKeyVersion);
        var signing = (await SigningKeysAsync(dataSource, cancellationToken))
            .Select(key => VersionOf(key.Sealed, SigningKeyRing.Purpose(key.Version)));
        var sessions = (await SessionKeysAsync(dataSource, cancellationToken))
            .Select(key => SealXml.Find(XElement.Parse(key.Xml)))
            .OfType<XElement>()
            .Select(element => VersionOf(Convert.FromBase64String(element.Value), SealXml.Purpose));
        IReadOnlyList<SealedKeys> items =
        [
            .. Count("signing-keys", signing), .. Count("session-keys", sessions),
            .. await CertificatesAsync(dataSource, cancellationToken),
        ];
        var left = items.Where(item => item.Version == other).Sum(item => item.Keys);
        return TypedResults.Ok(new MasterKeyResponse(
            version, other, other is null ? null : left > 0, items, Sentence(version, other, left)));

        int VersionOf(byte[] key, string purpose) =>
            masterKey.IsSealedUnderThis(key, purpose) ? version
            : other is { } before && masterKey.Open(key, purpose) is not null ? before
            : 0;
    }

    private static string Sentence(int version, int? other, long left) => other switch
    {
        null => $"Version {version} of the master key seals and opens; no rotation is under way.",
        { } next when next > version => $"Version {version} seals, version {next} opens too: give it to every process, "
            + "then let it seal.",
        { } before when left > 0 => $"Keys still sealed under version {before} of the master key: {left}. Leave it where "
            + "it is.",
        { } before => $"Nothing is sealed under version {before} of the master key any more: take OtherMasterKey out of "
            + "the settings of every process.",
    };

    private static IEnumerable<SealedKeys> Count(string kind, IEnumerable<int> versions) => versions
        .CountBy(version => version).OrderBy(count => count.Key)
        .Select(count => new SealedKeys(kind, count.Key, count.Value));

    private static async Task<List<SealedKeys>> CertificatesAsync(
        ApiDataSource dataSource, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(
            "SELECT kind, version, keys FROM certificates.sealed_keys() ORDER BY kind, version");
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var all = new List<SealedKeys>();
        while (await reader.ReadAsync(cancellationToken))
        {
            all.Add(new SealedKeys(reader.GetString(0), reader.GetInt32(1), reader.GetInt64(2)));
        }

        return all;
    }
}
