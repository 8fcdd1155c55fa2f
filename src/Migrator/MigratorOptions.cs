using System.ComponentModel.DataAnnotations;

namespace Tracking.Migrator;

/// <summary>The migrator's settings: <c>Tracking__Migrator__…</c>.</summary>
public sealed class MigratorOptions
{
    /// <summary>The section under <c>Tracking</c>.</summary>
    public const string Section = "Migrator";

    /// <summary>The file with the first admin API key: <c>trk_</c> and 32 characters of
    /// <c>0123456789abcdefghjkmnpqrstvwxyz</c>. Without this and <see cref="AdminKey"/> no key is stored.</summary>
    public string? AdminKeyFile { get; set; }

    /// <summary>The first admin API key itself, for platforms that pass secrets as variables.</summary>
    [DataType(DataType.Password)]
    public string? AdminKey { get; set; }

    /// <summary>The longest wait for a database that does not answer yet; 0 to 1 h, default 2 min: a database that
    /// starts at the same time answers in seconds, and a recovering one takes longer.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "01:00:00")]
    public TimeSpan WaitForDatabase { get; set; } = TimeSpan.FromMinutes(2);
}
