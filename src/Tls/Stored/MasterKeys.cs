using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Tracking.Database;
using Tracking.Links;

namespace Tracking.Tls.Stored;

/// <summary>The master keys by version. During a rotation there are two: one seals, both open.</summary>
public sealed class MasterKeys
{
    private readonly Dictionary<int, MasterKey> _keys;

    /// <param name="keys">Versions (1 and up) and keys; the first one seals. The caller keeps their ownership.</param>
    /// <exception cref="ArgumentException">There is no key, a version is below 1, or a version occurs
    /// twice.</exception>
    public MasterKeys(IReadOnlyList<(int Version, MasterKey Key)> keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        if (keys.Count == 0 || keys.Any(key => key.Version < 1))
        {
            throw new ArgumentException("There is at least one master key, and versions begin at 1.", nameof(keys));
        }

        _keys = keys.ToDictionary(key => key.Version, key => key.Key);
        Sealing = keys[0];
    }

    /// <summary>The version that seals. It need not be the newest, because a new key is distributed before it
    /// seals.</summary>
    public (int Version, MasterKey Key) Sealing { get; }

    /// <summary>The versions before the sealing one. Keys that are sealed under them have to be sealed again.</summary>
    public IEnumerable<int> Older => _keys.Keys.Where(version => version < Sealing.Version);

    /// <summary>The key of a version; <see langword="null"/> if it is not configured.</summary>
    public MasterKey? Find(int version) => _keys.GetValueOrDefault(version);
}

/// <summary>Adds the master keys.</summary>
public static class MasterKeysComposition
{
    /// <summary>Adds the configured key, and the second key of a rotation. A second call changes nothing.</summary>
    public static IServiceCollection AddMasterKeys(this IServiceCollection services)
    {
        services.TryAddSingleton(provider => From(provider.GetRequiredService<IOptions<SystemOptions>>().Value));
        return services;
    }

    private static MasterKeys From(SystemOptions system)
    {
        var sealing = (system.MasterKeyVersion, OpenMasterKey.From(system));
        return new MasterKeys(OpenMasterKey.OtherFrom(system) is { } other
            ? [sealing, (system.OtherMasterKeyVersion!.Value, other)] : [sealing]);
    }
}
