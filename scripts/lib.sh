# shellcheck shell=bash
# What the scripts share: finding what a build or a run needs, and installing what is missing by
# the system's own package manager. Sourced, not run. Exit codes are wfr's own: 2 for what the user
# has to set up first, 3 for no usable GPU.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# The system's folders hold ldconfig, and are missing from the PATH of Debian's ordinary users.
PATH=$PATH:/usr/sbin:/sbin

# Without a desktop session one of Mesa's layers complains on every start; it only chooses between
# drivers for a window.
[[ -n ${XDG_RUNTIME_DIR:-} ]] || export NODEVICE_SELECT=1

say() { printf '== %s\n' "$*" >&2; }

die() { # die STATUS MESSAGE...
    printf 'error: %s\n' "${*:2}" >&2
    exit "$1"
}

has() { command -v "$1" >/dev/null 2>&1; }

# Where cargo puts the release build of the program NAME or, as examples/NAME, of an example.
release() { printf '%s/release/%s\n' "${CARGO_TARGET_DIR:-$root/target}" "$1"; }

as_root() {
    if ((EUID == 0)); then
        "$@"
    elif has sudo; then
        sudo "$@"
    else
        return 1
    fi
}

# install_packages STATUS WHAT APT DNF PACMAN installs the packages that hold WHAT, named per
# package manager, or says what to do by hand and exits with STATUS.
install_packages() {
    local status=$1 what=$2 command
    if has apt-get; then
        command="apt-get install -y --no-install-recommends $3"
    elif has dnf; then
        command="dnf install -y $4"
    elif has pacman; then
        command="pacman -S --needed --noconfirm $5"
    else
        die "$status" "$what is missing, and this script knows apt-get, dnf and pacman only;" \
            "Debian's packages are: $3"
    fi
    say "$what is missing: $command"
    local -a words
    read -ra words <<<"$command"
    if has apt-get; then
        # A fresh machine has no package lists; one broken third-party list must not stop the rest.
        as_root apt-get -qq update >&2 || say 'apt-get update failed; trying with the old lists'
        # Debian installs its own updates in the background, and holds the lock meanwhile.
        words=(env DEBIAN_FRONTEND=noninteractive "${words[@]}" -qq -o DPkg::Lock::Timeout=300)
    fi
    as_root "${words[@]}" >&2 || die "$status" "could not install $what; as root: $command"
}

has_vulkan_loader() {
    local file
    [[ $(ldconfig -p 2>/dev/null) != *libvulkan.so.1* ]] || return 0
    for file in /usr/{,local/}lib{,64,/*-linux-gnu}/libvulkan.so.1; do
        [[ ! -e $file ]] || return 0
    done
    return 1
}

# Prints the manifests of the Vulkan drivers that the loader finds.
vulkan_drivers() {
    local named=${VK_DRIVER_FILES:-${VK_ICD_FILENAMES:-}} place
    local -a places=(
        {/usr/share,/usr/local/share,/etc,"${XDG_DATA_HOME:-${HOME-}/.local/share}"}/vulkan/icd.d
    )
    [[ -z $named ]] || IFS=: read -ra places <<<"$named"
    for place in "${places[@]}"; do
        if [[ -f $place ]]; then echo "$place"; else compgen -G "$place/*.json" || true; fi
    done
}

# Systems ship drivers for graphics cards they do not have. So a driver counts only beside a device
# node that it could drive, or when it runs on the processor.
has_vulkan_adapter() {
    case $(vulkan_drivers) in
    '') return 1 ;;
    *lvp_icd* | *swiftshader*) return 0 ;;
    esac
    compgen -G '/dev/dri/renderD*' >/dev/null || compgen -G '/dev/nvidia[0-9]*' >/dev/null ||
        [[ -e /dev/dxg ]]
}

# Makes sure that wgpu finds an adapter. Metal and DirectX 12 are parts of their systems; elsewhere
# it takes Vulkan, which Mesa's lavapipe offers on any processor.
need_adapter() {
    [[ $(uname -s) == Linux ]] || return 0
    if has_vulkan_loader && has_vulkan_adapter; then return 0; fi
    if [[ -n ${VK_DRIVER_FILES:-${VK_ICD_FILENAMES:-}} && -z $(vulkan_drivers) ]]; then
        die 3 'VK_DRIVER_FILES or VK_ICD_FILENAMES names no file; unset it to use installed drivers'
    fi
    install_packages 3 'a Vulkan driver (Mesa lavapipe, which runs on the processor)' \
        'mesa-vulkan-drivers libvulkan1' 'mesa-vulkan-drivers vulkan-loader' \
        'vulkan-swrast vulkan-icd-loader'
}

# Makes sure that cargo can compile and link.
need_rust() {
    # rustup's installer edits the shell's profile, which an open shell has not read yet.
    has cargo || PATH=$PATH:${CARGO_HOME:-${HOME-}/.cargo}/bin
    has cargo || die 2 'cargo is missing; install Rust with rustup, see https://rustup.rs'
    local needed found
    needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml")
    found=$(cargo --version | cut -d ' ' -f 2)
    printf '%s\n' "$needed" "${found%%-*}" | sort -C -V ||
        die 2 "wfr needs Rust $needed or newer, and this is $found; with rustup: rustup update"
    # cargo links with the C compiler of a Unix system.
    has cc || case $(uname -s) in
    Linux) install_packages 2 'a C compiler to link with' 'gcc libc6-dev' gcc gcc ;;
    Darwin) die 2 'the C compiler is missing; run: xcode-select --install' ;;
    esac
}

# Makes sure that a browser is there that programs can drive: reports are looked at in it.
need_chromium() {
    has chromium && has chromedriver ||
        install_packages 2 Chromium \
            'chromium chromium-driver fonts-dejavu-core' \
            'chromium chromedriver dejavu-sans-fonts' 'chromium ttf-dejavu'
}

# Makes sure that Node is there, and what installs its packages.
need_node() {
    has node && has npm || install_packages 2 'Node with npm' 'nodejs npm' 'nodejs npm' 'nodejs npm'
}

# Makes sure that a Python is there.
need_python() {
    has python3 || install_packages 2 Python python3 python3 python
}

# Makes sure that a Python with NumPy is there, and leaves its name in `python`: a Python that the
# user installed beside the system's does not see the system's NumPy.
need_numpy() {
    find_numpy || {
        install_packages 2 NumPy 'python3 python3-numpy' 'python3 python3-numpy' \
            'python python-numpy'
        hash -r
        find_numpy || die 2 'NumPy is installed, but no python3 finds it; run pip install numpy'
    }
}

find_numpy() {
    for python in python3 /usr/bin/python3; do
        ! "$python" -c 'import numpy' 2>/dev/null || return 0
    done
    return 1
}
