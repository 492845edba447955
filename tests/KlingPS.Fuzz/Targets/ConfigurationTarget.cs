using KlingPS.Core.Configuration;

namespace KlingPS.Fuzz.Targets;

/// <summary>The user's configuration file: read, resolved, and changed with all else kept.</summary>
internal sealed class ConfigurationTarget : FileTarget
{
    public override string Name => "configuration";

    public override async Task ReadAsync(byte[] input)
    {
        string path = PathOf("config.json");
        await File.WriteAllBytesAsync(path, input).ConfigureAwait(false);
        ConfigurationValues values = ConfigurationFile.Read(path);
        KlingConfiguration configuration = KlingConfiguration.Resolve(path, values, new ConfigurationValues(), _ => null);
        if (configuration.DailyCreditCap is < 0 || configuration.RequestTimeout <= 0)
        {
            throw new BrokenPromiseException($"The cap is {configuration.DailyCreditCap}, the timeout {configuration.RequestTimeout}.");
        }

        _ = configuration.ToEndpoints();
    }
}
