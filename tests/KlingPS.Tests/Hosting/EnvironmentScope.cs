namespace KlingPS.Tests.Hosting;

/// <summary>Clears the environment variables that the module reads, and restores them at the end.</summary>
internal sealed class EnvironmentScope : IDisposable
{
    private static readonly string[] s_names = ["KIE_API_KEY", "KLINGPS_ENDPOINT", "KLINGPS_UPLOAD_ENDPOINT"];

    private readonly Dictionary<string, string?> _before = s_names.ToDictionary(name => name, Environment.GetEnvironmentVariable);

    public EnvironmentScope()
    {
        foreach (string name in s_names)
        {
            Environment.SetEnvironmentVariable(name, null);
        }
    }

    public void Dispose()
    {
        foreach ((string name, string? value) in _before)
        {
            Environment.SetEnvironmentVariable(name, value);
        }
    }
}
