using System.ComponentModel.DataAnnotations;
using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace Tracking.ServiceDefaults.Settings;

/// <summary>Addresses and CIDR ranges from settings. An IPv4 address in IPv6 form counts as IPv4.</summary>
/// <param name="texts">Addresses or ranges, already checked by <see cref="Failures"/>.</param>
public sealed class AddressRanges(params IEnumerable<string> texts)
{
    private readonly IPNetwork[] _ranges = [.. texts.Select(Parse)];

    /// <summary>Whether the list is empty.</summary>
    public bool IsEmpty => _ranges.Length == 0;

    /// <summary>Whether the list contains <paramref name="address"/>.</summary>
    public bool Contains([NotNullWhen(true)] IPAddress? address)
    {
        if (address is null || _ranges.Length == 0)
        {
            return false;
        }

        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        foreach (var range in _ranges)
        {
            if (range.Contains(plain))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>One failure per text that is neither an address nor a range.</summary>
    /// <param name="setting">The property's name.</param>
    /// <param name="texts">The property's values.</param>
    public static IEnumerable<ValidationResult> Failures(string setting, IEnumerable<string> texts) =>
        texts.Where(text => !TryParse(text, out _)).Select(text => new ValidationResult(
            $"'{text}' is neither an address nor a CIDR range (10.0.0.0/8).", [setting]));

    private static IPNetwork Parse(string text) =>
        TryParse(text, out var range) ? range : throw new FormatException($"'{text}' has not been checked.");

    private static bool TryParse(string text, out IPNetwork range)
    {
        if (IPNetwork.TryParse(text, out range))
        {
            return true;
        }

        if (!IPAddress.TryParse(text, out var address))
        {
            return false;
        }

        address = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        range = new IPNetwork(address, 8 * address.GetAddressBytes().Length);
        return true;
    }
}
