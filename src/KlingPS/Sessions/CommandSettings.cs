using KlingPS.Core;
using KlingPS.Core.Configuration;

namespace KlingPS.Sessions;

/// <summary>The configuration as one command sees it: the file is read at most once, so that all items of a pipeline get the same.</summary>
/// <param name="onUnknown">Called for names in the file that are not settings.</param>
internal sealed class CommandSettings(Action<string> onUnknown)
{
    private string? _path;
    private ConfigurationValues? _file;
    private KlingConfiguration? _current;

    /// <summary>What the configuration file says.</summary>
    /// <exception cref="KlingException">The file cannot be found or read, or is not a configuration.</exception>
    public ConfigurationValues File
    {
        get
        {
            if (_file is null)
            {
                _file = ConfigurationFile.Read(_path ??= ConfigurationFile.Locate());
                if (_file.UnknownNames.Count > 0)
                {
                    onUnknown(ConfigurationRules.DescribeUnknown(_path, _file.UnknownNames));
                }
            }

            return _file;
        }
    }

    /// <summary>The settings in force.</summary>
    /// <exception cref="KlingException">The file or the environment holds something that cannot be used.</exception>
    public KlingConfiguration Current => _current ??= With(new ConfigurationValues());

    /// <summary>The settings in force, with what the command was given as parameters.</summary>
    /// <inheritdoc cref="Current"/>
    public KlingConfiguration With(ConfigurationValues given)
    {
        ConfigurationValues file = File;
        return KlingConfiguration.Resolve(_path!, file, given, Environment.GetEnvironmentVariable);
    }
}
