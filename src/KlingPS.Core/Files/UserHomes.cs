using System.Text;

namespace KlingPS.Core.Files;

/// <summary>
/// The home folders that a user may mean, if something that the user may not know about leads a shell elsewhere: the terminal of an editor has
/// set XDG_DATA_HOME, XDG_CONFIG_HOME or HOME, or the command is run by sudo.
/// </summary>
internal static class UserHomes
{
    /// <summary>Finds a file at its usual place in one of them, other than the one in use.</summary>
    /// <param name="inUse">The path in use.</param>
    /// <param name="below">Where the file usually is, from the home folder.</param>
    /// <param name="environment">Reads an environment variable.</param>
    /// <param name="homeOf">See <see cref="Of"/>.</param>
    /// <returns><see langword="null"/> if there is none, and always on Windows, where these folders do not depend on the shell.</returns>
    public static string? FindOther(string inUse, IEnumerable<string> below, Func<string, string?> environment, Func<string, string?> homeOf)
    {
        if (OperatingSystem.IsWindows())
        {
            return null;
        }

        string?[] homes =
        [
            homeOf(Environment.UserName), environment("HOME"), environment("SNAP_REAL_HOME"),
            environment("SUDO_USER") is { Length: > 0 } sudo ? homeOf(sudo) : null,
        ];
        return homes.Where(home => Path.IsPathFullyQualified(home ?? string.Empty))
            .Select(home => Path.Combine([home!, .. below]))
            .FirstOrDefault(usual => File.Exists(usual) && !Place.IsSame(usual, inUse));
    }

    /// <summary>The home folder that the system has recorded for a user; <see langword="null"/> if it has none.</summary>
    /// <param name="user">The user's name.</param>
    public static string? Of(string user)
    {
        const int Limit = 1 << 20;
        const int Home = 5;
        try
        {
            return Encoding.UTF8.GetString(OrdinaryFile.ReadAllBytes("/etc/passwd", Limit)).Split('\n').Select(line => line.Split(':'))
                .FirstOrDefault(fields => fields.Length > Home && fields[0] == user)?[Home];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
