using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Tracking.ServiceDefaults;

/// <summary>A section under <c>Tracking</c> that some service in this process reads.</summary>
/// <param name="Section">Its name; empty for the root itself.</param>
/// <param name="Type">The options class.</param>
internal sealed record KnownSetting(string Section, Type Type)
{
    public IEnumerable<string> RootKeys =>
        Section.Length > 0 ? [Section] : SettingForms.Settable(Type).Select(property => property.Name);
}

/// <summary>What is validated at start beside the options classes themselves; carries nothing.</summary>
internal sealed class SettingsCheck;

/// <summary>Refuses sections and keys under <c>Tracking</c> that nothing reads: most often a misspelt one.</summary>
internal sealed class KnownSettings(IConfiguration configuration, IEnumerable<KnownSetting> known)
    : IValidateOptions<SettingsCheck>
{
    public ValidateOptionsResult Validate(string? name, SettingsCheck options)
    {
        var failures = Failures(configuration, known).ToList();
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }

    public static IEnumerable<string> Failures(IConfiguration configuration, IEnumerable<KnownSetting> known)
    {
        var names = known.SelectMany(setting => setting.RootKeys)
            .Distinct(StringComparer.OrdinalIgnoreCase)
            .Order(StringComparer.Ordinal)
            .ToList();
        return configuration.GetSection(CheckedOptions.Root).GetChildren()
            .Where(child => !names.Contains(child.Key, StringComparer.OrdinalIgnoreCase))
            .SelectMany(SettingForms.Leaves)
            .Select(leaf => $"{SettingForms.Variable(leaf.Path)}: unknown setting; "
                + $"known under {CheckedOptions.Root} are {string.Join(", ", names)}");
    }
}

/// <summary>Registers the check once.</summary>
internal static class SettingsCheckRegistration
{
    public static List<KnownSetting> KnownSettings(this IServiceCollection services) =>
        [.. services
            .Where(service => !service.IsKeyedService)
            .Select(service => service.ImplementationInstance)
            .OfType<KnownSetting>()];

    public static void AddSettingsCheck(this IHostApplicationBuilder builder)
    {
        if (builder.Services.Any(service =>
            !service.IsKeyedService && service.ImplementationType == typeof(KnownSettings)))
        {
            return;
        }

        builder.Services.AddSingleton<IValidateOptions<SettingsCheck>, KnownSettings>();
        builder.Services.AddOptions<SettingsCheck>().ValidateOnStart();
    }
}
