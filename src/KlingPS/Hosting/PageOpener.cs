using System.ComponentModel;
using System.Diagnostics;

namespace KlingPS.Hosting;

/// <summary>Opens a page in the user's browser.</summary>
internal static class PageOpener
{
    /// <summary>The variables by which a desktop of Linux is known.</summary>
    private static readonly string[] s_desktops = ["DISPLAY", "WAYLAND_DISPLAY"];

    /// <summary>Opens a page, if there is a desktop.</summary>
    /// <param name="path">The full path of the page.</param>
    /// <returns>Why it could not be opened; <see langword="null"/> if the system was told to.</returns>
    public static string? TryOpen(string path)
    {
        try
        {
            if (OperatingSystem.IsWindows())
            {
                using Process? shell = Process.Start(new ProcessStartInfo(path) { UseShellExecute = true });
                return null;
            }

            if (OperatingSystem.IsMacOS())
            {
                return Run("open", path);
            }

            bool hasDesktop = s_desktops.Any(name => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(name)));
            return hasDesktop ? Run("xdg-open", path) : "there is no desktop here";
        }
        catch (Exception exception) when (exception is Win32Exception or InvalidOperationException or PlatformNotSupportedException)
        {
            return exception.Message.TrimEnd('.');
        }
    }

    /// <summary>Nothing that the browser writes may get into the terminal, and the browser must not end with it.</summary>
    private static string? Run(string program, string path)
    {
        bool isThere = (Environment.GetEnvironmentVariable("PATH") ?? string.Empty)
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Any(folder => File.Exists(Path.Combine(folder, program)));
        if (!isThere)
        {
            return $"there is no {program}";
        }

        var start = new ProcessStartInfo("/bin/sh") { UseShellExecute = false };
        foreach (string argument in (string[])["-c", "\"$0\" \"$1\" </dev/null >/dev/null 2>&1 &", program, path])
        {
            start.ArgumentList.Add(argument);
        }

        using Process? shell = Process.Start(start);
        return null;
    }
}
