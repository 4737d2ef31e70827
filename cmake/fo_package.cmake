# SPDX-License-Identifier: Apache-2.0
# What is installed beside the programs, and the Debian package: cpack -G DEB in the build folder.
# Programs install themselves where they are declared. What belongs to the system rather than to a
# prefix (units, user, /etc) is the component "debian", which plain `cmake --install` leaves out.
set(fo_packaging ${CMAKE_SOURCE_DIR}/packaging)

install(FILES ${CMAKE_SOURCE_DIR}/README.md ${fo_packaging}/debian/copyright
  DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/failover-exporter)
install(FILES ${fo_packaging}/man/failover_exporter.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${fo_packaging}/bash/failover_exporter
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/dashboards
  DESTINATION ${CMAKE_INSTALL_DATADIR}/failover_exporter
  FILES_MATCHING PATTERN "*.json" PATTERN "*.rules.yml" PATTERN "*.md" PATTERN "kubernetes/*.yaml"
  PATTERN "__pycache__" EXCLUDE)

# fo_install_system(FILE DESTINATION [NAME])
function(fo_install_system file destination)
  get_filename_component(name ${file} NAME)
  if(ARGC GREATER 2)
    set(name ${ARGV2})
  endif()
  install(FILES ${fo_packaging}/${file} DESTINATION ${destination} RENAME ${name}
    COMPONENT debian EXCLUDE_FROM_ALL)
endfunction()

fo_install_system(systemd/failover_exporter.service /usr/lib/systemd/system)
fo_install_system(systemd/failover_exporter.socket /usr/lib/systemd/system)
fo_install_system(systemd/failover_spawn.socket /usr/lib/systemd/system)
fo_install_system(systemd/failover_spawn@.service /usr/lib/systemd/system)
fo_install_system(systemd/sysusers.conf /usr/lib/sysusers.d failover_exporter.conf)
fo_install_system(systemd/tmpfiles.conf /usr/lib/tmpfiles.d failover_exporter.conf)
fo_install_system(default /etc/default failover_exporter)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME failover-exporter)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "The failover_exporter authors <root@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "job failover with a Prometheus counter for every cause of failure")
set(CPACK_PACKAGE_DESCRIPTION "Runs jobs that are graphs of tasks, restarts exactly what must restart when a
task fails, with the semantics of Apache Flink, and counts every failure by what
caused it, as Prometheus metrics.")
set(CPACK_INSTALL_CMAKE_PROJECTS "${CMAKE_BINARY_DIR};failover_exporter;ALL;/"
  "${CMAKE_BINARY_DIR};failover_exporter;debian;/")
# /etc is outside the prefix, so everything is installed below a DESTDIR.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${fo_packaging}/debian/postinst
  ${fo_packaging}/debian/prerm ${fo_packaging}/debian/postrm ${fo_packaging}/debian/conffiles)
include(CPack)
